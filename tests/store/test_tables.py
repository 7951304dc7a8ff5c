"""Tables that follow from the events: after each step they say what the fold says, and a changed row is found."""

from __future__ import annotations

import dataclasses

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from activeloop.campaigns.events import Fitted, Measured, Promoted, Proposed
from activeloop.campaigns.state import CampaignState, Fold
from activeloop.errors import StoreError
from activeloop.measurements import Measurement
from activeloop.store import Database, SQLLog, create_campaign, upgrade
from activeloop.store.projections import differences, rebuild
from activeloop.store.schema import PROJECTED, events
from campaigns.test_state import EVENTS, a_version, same

ODD = st.text(alphabet=st.sampled_from("a\x00\ud800é"), max_size=3)


def odd(state: CampaignState) -> bool:
    return any(mark in repr(state) for mark in ("\\x00", "\\ud800"))


def machine(database: Database) -> type[RuleBasedStateMachine]:
    class Tables(RuleBasedStateMachine):
        """One campaign, written to in every way."""

        def __init__(self) -> None:
            super().__init__()
            self.key = create_campaign(database, "machine")
            self.log = SQLLog(database, campaign=self.key)
            self.fold = Fold()

        def append(self, event) -> None:
            state = Fold(self.log).state
            if isinstance(event, Fitted):
                event = dataclasses.replace(event, version=a_version(len(state.versions) + 1))
            if isinstance(event, Proposed):
                numbered = dataclasses.replace(event.proposal, number=len(state.proposals) + 1)
                event = dataclasses.replace(event, proposal=numbered)
            if isinstance(event, Promoted) and not state.versions:
                return
            if isinstance(event, Promoted):
                event = Promoted(1 + event.version % max(len(state.versions), 1), event.reason)
            if isinstance(event, Measured):  # what is corrected was measured before
                known = tuple(e for e in event.replaces if e in state.sources)
                event = dataclasses.replace(event, replaces=known)
            self.log.append(event, after=state.last)

        @rule(event=EVENTS)
        def one(self, event) -> None:
            self.append(event)

        @rule(several=st.lists(EVENTS, min_size=2, max_size=4), fails=st.booleans())
        def a_block(self, several, fails) -> None:
            before = repr(list(self.log))
            try:
                with self.log.alone():
                    for event in several:
                        self.append(event)
                    if fails:
                        raise StoreError("no more room")
            except StoreError:
                assert repr(list(self.log)) == before

        @rule(source=ODD, reason=ODD)
        def odd_words(self, source, reason) -> None:
            self.append(Measured((Measurement("K2R", "kcat", 1.0, plate=source),), source, "h"))

        @rule()
        def another_process(self) -> None:
            self.log = SQLLog(database, campaign=self.key)

        @rule()
        def made_anew(self) -> None:
            with database.writing() as connection:
                rebuild(connection, self.key)

        @precondition(lambda self: self.log.last)
        @rule(data=st.data())
        def somebody_changes_a_row(self, data) -> None:
            """Found by the comparison, and mended by making the tables anew."""
            table = data.draw(st.sampled_from(PROJECTED))
            mine = table.c.campaign == self.key
            with database.writing() as connection:
                rows = connection.execute(sa.select(table).where(mine)).all()
                if not rows:
                    return
                row = data.draw(st.sampled_from(rows))._mapping
                column = data.draw(st.sampled_from([c for c in table.columns if not c.primary_key]))
                key = [c == row[c.name] for c in table.primary_key.columns]
                value = "eve" if isinstance(column.type, sa.Text) else 77
                whole = data.draw(st.booleans())
                change = sa.delete(table) if whole else sa.update(table).values({column.name: value})
                connection.execute(change.where(*key))
            assert self.differences()
            self.made_anew()

        @precondition(lambda self: self.log.last)
        @rule(data=st.data())
        def somebody_changes_an_event(self, data) -> None:
            number = data.draw(st.integers(1, self.log.last))
            mine = (events.c.campaign == self.key, events.c.sequence == number)
            name = data.draw(st.sampled_from(["payload", "actor", "at", "reason", "previous_hash", "kind"]))
            with database.writing() as connection:
                (before,) = connection.execute(sa.select(events.c[name]).where(*mine)).one()
                connection.execute(
                    sa.update(events)
                    .where(*mine)
                    .values({name: f"{before}x"[-64:] if name == "previous_hash" else f"{before}x"})
                )
            assert self.log.verify()
            with database.writing() as connection:
                connection.execute(sa.update(events).where(*mine).values({name: before}))

        def differences(self) -> list[str]:
            recorded = list(self.log)
            with database.engine.connect() as connection:
                return differences(connection, self.key, CampaignState.of(recorded), recorded)

        @invariant()
        def the_tables_are_the_fold(self) -> None:
            assert self.differences() == []
            assert self.log.verify() == ()

        @invariant()
        def a_snapshot_is_the_fold(self) -> None:
            whole = Fold(self.log).state
            assert same(Fold.of(self.log).state, whole) or odd(whole)  # what no database can hold is replaced there

        @invariant()
        def carried_on_it_is_the_fold(self) -> None:
            if not self.fold.carried_on(self.log.after(self.fold.last)):
                self.fold = Fold.of(self.log)
            whole = CampaignState.of(self.log)
            assert same(self.fold.state, whole) or odd(whole)

    return Tables


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_after_each_step_the_tables_are_the_fold_and_the_chain_holds(database):
    upgrade(database, "the database", fresh=True)
    run_state_machine_as_test(
        machine(database),
        settings=settings(
            max_examples=20,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # each step is a transaction, so that shrinking a failure would take an hour
        ),
    )
