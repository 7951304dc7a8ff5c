"""What the child processes do: everything that fits a model or asks one."""

from __future__ import annotations

import base64
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from activeloop import tracing
from activeloop.campaigns import Proposed
from activeloop.config import OpenCampaign
from activeloop.config.store import Store
from activeloop.errors import ActiveLoopError, InputError, StateError
from activeloop.server import forms
from activeloop.server.access import Campaigns
from activeloop.server.compute import Order, Place, open_store
from activeloop.server.panels import look, panel
from activeloop.server.uploads import passing_folder
from activeloop.server.views import plate_out, proposal_out, version_out, work_out


def check_order(loop: OpenCampaign, order: Order) -> None:
    """Refuse an order that was decided on another state.

    Raises:
        StateError: the campaign moved on.
    """
    last = loop.campaign.state().last
    if order.if_match is not None and order.if_match != last:
        raise StateError(f"the campaign moved on: its last event is {last}, not {order.if_match}. Nothing was stored.")


def propose(loop: OpenCampaign, order: Order, **arguments: Any) -> dict[str, Any]:
    """See `activeloop.desk.propose.propose`."""
    from activeloop.desk.propose import PlateOptions, plates_of
    from activeloop.desk.propose import propose as proposed

    for recorded in loop.folder.log.of_request(order.request):
        if isinstance(recorded.event, Proposed):  # the answer was lost, and the proposal was not
            number = recorded.event.proposal.number
            plates = [p.id for p in plates_of(loop, number).plates]
            return proposal_out(loop, recorded.event.proposal, plates, again=True)
    check_order(loop, order)
    options = PlateOptions(**arguments.pop("plate", {}))
    made = proposed(loop, arguments.pop("number", None), arguments.pop("seed", None), plate=options, **arguments)
    return proposal_out(loop, made.proposal, [p.id for p in made.plates], again=made.again, notes=made.notes)


def fit(loop: OpenCampaign, order: Order, *, again: bool = False) -> dict[str, Any]:
    """See `Campaign.fit`."""
    if not loop.folder.log.of_request(order.request):
        check_order(loop, order)
        loop.check_available()
        number = loop.campaign.fit(again=again).number
    else:
        number = len(loop.campaign.state().versions)
    state = loop.campaign.state()
    found = version_out(state.versions[number - 1], state.current, state.held_back.get(number, ""))
    return found.model_dump(mode="json")


def extend(loop: OpenCampaign, order: Order, *, file: str = "", content: str = "", **arguments: Any) -> dict[str, Any]:
    """See `activeloop.desk.extend.extend`; the list of a file comes with its name and its content as base64."""
    from activeloop.desk import plain
    from activeloop.desk.extend import extend as extended

    check_order(loop, order)
    with passing_folder() as folder:
        if file:
            arguments["table"] = Path(folder, file)
            arguments["table"].write_bytes(base64.b64decode(content))
        done = extended(loop, **arguments)
    found = {name: getattr(done, name) for name in ("added", "known", "size", "event", "origin")}
    return forms.ExtensionOut(**found, notes=list(done.notes), report=plain(done)).model_dump(mode="json")


def explain(
    loop: OpenCampaign, order: Order, *, names: list[str], offset: int | None = None, picture: str = ""
) -> dict[str, Any]:
    """See `activeloop.desk.explain.explain`; without names the proposal that is out, else the last."""
    from activeloop.desk import plain
    from activeloop.desk.explain import explain as explained
    from activeloop.desk.explain import last_proposal, picture_of

    proposal = None if names else last_proposal(loop)
    found = explained(loop, names, offset=offset) if names else ()
    chosen = [p.name for p in proposal.picks] if proposal else names
    each = [*chosen, *(n.name for one in found for n in one.similar), *(one.candidate for one in found)]
    drawn = picture_of(loop, chosen, f".{picture}", offset=offset) if picture else b""
    return forms.ExplainOut(
        explanations=plain(found),
        proposal=plain(proposal),
        called=called_otherwise(loop, each),
        picture=base64.b64encode(drawn).decode(),
    ).model_dump(mode="json")


def called_otherwise(loop: OpenCampaign, names: Iterable[str]) -> dict[str, str]:
    """Standard name -> what people call a candidate, where that differs."""
    called = loop.campaign.pool.called
    return {name: called(name) for name in names if called(name) != name}


def eln(loop: OpenCampaign, order: Order, *, name: str) -> dict[str, Any]:
    """See `activeloop.desk.eln.eln_file`."""
    from activeloop.desk import plain
    from activeloop.desk.eln import eln_file

    return plain(eln_file(loop, name=name))


def distil(loop: OpenCampaign, order: Order, *, again: bool, seed: int | None = None, **options: Any) -> dict[str, Any]:
    """Let the worker train a student, unless it is there already; see `activeloop.desk.distil.distil`."""
    from activeloop.config.students import trainer_of
    from activeloop.desk.distil import StudentOptions, student_settings
    from activeloop.work.kinds import Distil
    from activeloop.work.places import work_of

    settings = student_settings(loop, StudentOptions(**options))
    trainer = trainer_of(settings, loop.campaign.pool, loop.folder.called)
    there = None
    if not again and loop.campaign.has_student(trainer, seed):
        there = loop.campaign.distil(trainer, seed).number
    else:
        work_of(loop).ask(order.campaign, Distil.name, Distil.order(settings, seed, again=again))
    work = work_out(loop.folder.log.database, order.campaign)
    return forms.StudentOrdered(there=there, work=work).model_dump(mode="json")


def predict(loop: OpenCampaign, order: Order, *, names: list[str], offset: int | None = None) -> dict[str, Any]:
    """See `Campaign.predict`."""
    loop.check_available()
    table = loop.campaign.predict(names, offset=offset)
    outside = table.outside if table.outside is not None else [False] * len(table)
    candidates = []
    for i, name in enumerate(table.names):
        each = {
            assay: {key: float(getattr(table, key)[i, a]) for key in ("mean", "sd", "low", "high")}
            for a, assay in enumerate(table.assays)
        }
        candidates.append({"name": name, "outside": bool(outside[i]), "predictions": each})
    told = {"version": table.version, "classes": table.classes, "candidates": candidates}
    return forms.PredictionsOut.model_validate(told).model_dump(mode="json")


def predict_pool(loop: OpenCampaign, order: Order) -> dict[str, Any]:
    """Predict the whole pool, and keep that in the working folder; see `activeloop.desk.candidates.predict_pool`."""
    from activeloop.desk.candidates import predict_pool as predicted

    return {"version": predicted(loop).version}


def status(loop: OpenCampaign, order: Order, *, picture: str = "") -> dict[str, Any]:
    """See `activeloop.desk.status.show_status`; `picture` is the ending of one of several assays."""
    from activeloop.desk import plain
    from activeloop.desk.status import show_status
    from activeloop.work.places import shown_work

    drawn = loop.campaign.picture(f".{picture}") if picture else b""
    return {"report": plain(show_status(loop)), "work": plain(shown_work(loop)), "picture": plain(drawn)}


def assess(loop: OpenCampaign, order: Order, *, number: int | None = None) -> dict[str, Any]:
    """See `activeloop.desk.versions.assess`."""
    from activeloop.desk import plain
    from activeloop.desk.versions import assess as assessed

    report = assessed(loop, number)
    return {"report": plain(report), "called": report.best_name and loop.campaign.pool.called(report.best_name)}


def create(store: Store, order: Order, *, name: str, config: str, files: Mapping[str, str]) -> dict[str, Any]:
    """Make a campaign with files, which come as base64; see `Store.create`."""
    inputs = {file: base64.b64decode(content) for file, content in files.items()}
    return {"key": store.create(name, config, inputs, order.actor, order.request)}


def preview(store: Store, order: Order, *, config: str, files: Mapping[str, str], plate: bool) -> dict[str, Any]:
    """A campaign before it is made: its pool and its first plate."""
    from activeloop.desk.propose import laid_out, on_one_plate

    with store.draft(config, {name: text.encode() for name, text in files.items()}) as opened:
        loop, settings = opened.campaign, opened.config
        told: dict[str, Any] = {
            "pool": loop.pool.describe(),
            "kind": loop.pool.kind,
            "size": len(loop.pool),
            "first": loop.pool.names(range(min(24, len(loop.pool)))),
            "proposal": None,
            "plates": [],
        }
        if plate:
            proposal = loop.propose(on_one_plate(settings.plate))
            plates = laid_out(proposal, settings.plate, settings.seed)
            told["proposal"] = proposal_out(opened, proposal, [p.id for p in plates])
            told["plates"] = [plate_out(p).model_dump(mode="json") for p in plates]
        return told


VERBS: dict[str, Callable[..., dict[str, Any]]] = {
    "propose": propose,
    "fit": fit,
    "extend": extend,
    "predict": predict,
    "predict-pool": predict_pool,
    "status": status,
    "assess": assess,
    "explain": explain,
    "distil": distil,
    "eln": eln,
    "create": create,
    "preview": preview,
    "panel": panel,
    "look": look,
}


def main(place: Place, orders: TextIO, answers: TextIO) -> None:
    """Do orders until there are no more.

    Args:
        place: where the campaigns are.
        orders: a line of JSON each.
        answers: likewise.
    """
    tracing.start("activeloop-server")
    store = open_store(place)
    campaigns = Campaigns(store, 2)
    for line in orders:
        order = Order(**json.loads(line))
        try:
            do, about = VERBS[order.verb], {"activeloop.campaign": order.campaign, tracing.REQUEST: order.request}
            with tracing.span(order.verb, parent=order.traceparent, attributes=about):
                if order.campaign:
                    with campaigns.open(order.campaign, order.actor, order.request) as loop:
                        answer = do(loop, order, **order.arguments)
                else:
                    answer = do(store, order, **order.arguments)
            told = {"answer": answer}
        except ActiveLoopError as error:
            told = {"error": _told_of(error)}
        except MemoryError:
            told = {"error": {"kind": "StoreError", "problem": "there is not enough memory for this."}}
        except Exception:  # a fault of ours ends neither this process nor the answer
            traceback.print_exc()
            told = {"error": {"kind": "StoreError", "problem": f"{order.verb} failed; the server's log says more."}}
        answers.write(json.dumps(told) + "\n")
        answers.flush()


def _told_of(error: ActiveLoopError) -> dict[str, Any]:
    if isinstance(error, InputError):
        kind = next(k for k in type(error).__mro__ if k.__module__ == "activeloop.errors")
        return {"kind": kind.__name__, "problem": error.problem, "file": error.file, "row": error.row}
    return {"kind": type(error).__name__, "problem": str(error)}


if __name__ == "__main__":
    answers_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    main(Place(**json.loads(sys.argv[1])), sys.stdin, answers_to)
