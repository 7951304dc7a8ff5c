"""Why a candidate is predicted as it is: exact parts, effects by removal, and neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest

from activeloop.campaigns.reasons import Neighbour
from activeloop.candidates import Pool
from activeloop.cli import main
from activeloop.cli.new import new
from activeloop.cli.propose import propose
from activeloop.cli.record import record
from activeloop.config import open_campaign
from activeloop.desk.explain import explain, last_proposal, picture_of
from activeloop.errors import NotationError, StateError
from activeloop.measurements import Dataset
from activeloop.models.gp.mutation_gp import PARTS, MutationGP, MutationPredictor
from activeloop.models.gp.mutation_kernel import TERMS


def test_the_parts_of_a_contribution_sum_to_it():
    pool = Pool.single_mutants("MKTAYIAKQR")
    rows = np.arange(0, len(pool), 7)
    fitted = MutationGP().fit(Dataset.of(pool, rows, np.sin(rows)), 0)
    while not isinstance(fitted, MutationPredictor):
        fitted = fitted.fitted
    parts = fitted.contributions(pool)
    total = np.sum(list(parts.values()), axis=0)
    assert total.ravel() == pytest.approx(fitted.posterior.mean_table, abs=1e-9)
    assert sorted(term for terms in PARTS.values() for term in terms) == sorted(TERMS)


def test_what_is_explained_is_what_is_predicted(campaign):
    loop = open_campaign(campaign())
    names = [p.name for p in last_proposal(loop).picks[:2]]
    found = explain(loop, [names[0].lower(), names[1], names[0]])
    assert [one.candidate for one in found] == names
    row = loop.campaign.pool.find(names[0])
    table = loop.campaign.predict([row])
    one = found[0]
    assert (one.mean, one.low, one.high) == (table.mean[0, 0], table.low[0, 0], table.high[0, 0])
    assert one.version == 1
    data = loop.campaign.dataset()
    assert one.measured == data.values[data.rows == row, 0][0]
    (only,) = one.contributions
    assert only.mutation == names[0]
    assert only.effect == pytest.approx(one.mean - one.parent)
    assert one.rest == pytest.approx(0, abs=1e-9)
    assert one.exact
    assert only.total == pytest.approx(sum(only.parts.values()))
    assert one.words.startswith("at ")
    assert len(one.similar) == 5
    assert all(isinstance(n, Neighbour) and n.name != one.candidate for n in one.similar)
    assert [n.distance for n in one.similar] == sorted(n.distance for n in one.similar)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory):
    """A combinatorial library, whose learner does not add mutations up."""
    base = tmp_path_factory.mktemp("library")
    options = {"wells": 24, "controls": 2, "learner": "forest"}
    new(base / "loop", ["KD:nM:minimise"], wild_type="MKTAYIAKQR", sites="K2=KRQ,A4=AGS", **options)
    propose(base / "loop", number=6)
    names = [p.name for p in open_campaign(base / "loop").campaign.state().proposals[0].picks]
    rows = [f"{name},{i + 1.5}" for i, name in enumerate(sorted(names))]
    (base / "r.csv").write_text("\n".join(["candidate,KD", *rows]))
    record(base / "loop", base / "r.csv")
    loop = open_campaign(base / "loop")
    loop.campaign.fit()
    return loop


def test_other_learners_are_explained_by_removing_a_mutation(library):
    (one,) = explain(library, ["K2R:A4G"])
    pool = library.campaign.pool
    by_name = {
        name: float(library.campaign.predict([pool.find(name)]).mean[0, 0]) for name in ("K2R:A4G", "K2R", "A4G", "WT")
    }
    assert not one.exact
    assert [c.mutation for c in one.contributions] == ["K2R", "A4G"]
    effects = [by_name["K2R:A4G"] - by_name["A4G"], by_name["K2R:A4G"] - by_name["K2R"]]
    assert [c.effect for c in one.contributions] == pytest.approx(effects)
    assert math.isnan(one.contributions[0].total)
    assert one.parent == pytest.approx(by_name["WT"])
    assert one.rest == pytest.approx(by_name["K2R:A4G"] - by_name["WT"] - sum(effects))
    (wild,) = explain(library, ["WT"])
    assert wild.contributions == ()


@pytest.mark.parametrize(("ending", "begins"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_pictures_of_both_kinds(campaign, library, ending, begins):
    for loop, name in ((open_campaign(campaign()), "K2R"), (library, "K2R:A4G")):
        assert picture_of(loop, [name], ending).startswith(begins)


def test_compounds_have_neighbours_and_no_mutations(tmp_path):
    pytest.importorskip("rdkit")
    (tmp_path / "pool.csv").write_text("smiles\nCCCCO\nCCCCCO\nCCCCCCO\nc1ccccc1\nc1ccccc1O\n")
    new(tmp_path / "loop", ["pKd"], table=tmp_path / "pool.csv", kind="compounds", wells=24, controls=2)
    (tmp_path / "r.csv").write_text("candidate,pKd\nCCCCO,5\nc1ccccc1,7\nCCCCCO,5.5\n")
    record(tmp_path / "loop", tmp_path / "r.csv")
    loop = open_campaign(tmp_path / "loop")
    loop.campaign.fit()
    (one,) = explain(loop, ["CCCCCCO"])
    assert one.of_compounds
    assert [n.name for n in one.similar][:2] == ["CCCCCO", "CCCCO"]
    assert 0 < one.similar[0].distance < 1
    assert one.contributions == ()
    with pytest.raises(StateError, match="compounds without a wild type have no mutations"):
        picture_of(loop, ["CCCCCCO"], ".png")


def test_the_verb(campaign, tmp_path, capsys):
    folder = str(campaign())

    def typed(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    status, out, _ = typed("explain", folder)
    assert status == 0
    assert "proposal 2, chosen by" in out
    assert "the prior ranks it above" in " ".join(out.replace("│", " ").split())
    status, out, _ = typed("explain", folder, "K2R", "--picture", str(tmp_path / "k2r.png"))
    assert (status, (tmp_path / "k2r.png").exists()) == (0, True)
    assert out.startswith("K2R: predicted kcat ")
    assert "what each mutation adds" in out
    assert "this position" in out
    status, _, err = typed("explain", folder, "K2Z")
    assert status == 2
    assert "K2Z" in err
    status, _, err = typed("explain", folder, "K2R", "--picture", str(tmp_path / "k2r.pdf"))
    assert (status, "ends in .png, .svg" in err) == (2, True)


def test_before_any_result_there_is_the_prior(tmp_path):
    new(tmp_path / "loop", ["kcat:1/s"], wild_type="MKTAYIAKQR", singles=True, wells=24, controls=2)
    loop = open_campaign(tmp_path / "loop")
    (one,) = explain(loop, ["K2R"])
    assert one.version == 0
    assert one.words.startswith("the prior ranks it above")
    assert one.similar == ()
    with pytest.raises(StateError, match="no proposal to explain"):
        last_proposal(loop)
    with pytest.raises(NotationError, match="not in the pool"):
        explain(loop, ["K2R:T3A"])


def test_a_combination_is_told_as_the_plate_tells_it(tmp_path, capsys):
    folder = tmp_path / "c"
    new(folder, ["kcat:1/s"], wild_type="MKTAYIAKQRQISFVKSHFSRQ", singles=True, seed=1)
    names = Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQ", positions=range(2, 23)).names(range(0, 390, 7))
    rows = [f"{name},{1 + 0.1 * math.sin(i):.3f}" for i, name in enumerate(names)]
    (tmp_path / "r.csv").write_text("\n".join(["variant,kcat", *rows, "WT,1"]) + "\n")
    record(folder, tmp_path / "r.csv")
    open_campaign(folder).campaign.extend(combine=2, budget=100)
    propose(folder, number=20)
    loop = open_campaign(folder)
    pick = next(p for p in last_proposal(loop).picks if ":" in p.name)
    (one,) = explain(loop, [pick.name])
    assert one.as_pick is not None
    assert (one.as_pick.mean, one.as_pick.low, one.as_pick.high) == pytest.approx((pick.mean, pick.low, pick.high))
    assert one.as_pick.mean < one.mean
    assert one.as_pick.reason in pick.reason
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["explain", str(folder), pick.name])
    assert "As a pick it is predicted" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SystemExit):
        main(["extend", str(folder), "--combine", "3"])
    assert "--another` chooses among all that is in the pool" in " ".join(capsys.readouterr().out.split())


def test_a_limit_is_told_as_one(tmp_path, capsys):
    new(tmp_path / "c", ["IC50:nM:minimise"], wild_type="MKTAYIAKQR", singles=True)
    rows = [
        f"{name},{value}" for name, value in zip(("K2R", "T3S", "A4G", "Y5F", "I6V"), (3, 40, 7, 90, 11), strict=True)
    ]
    (tmp_path / "r.csv").write_text("\n".join(["mutant,IC50 (nM)", *rows, "K8R,>100"]) + "\n")
    record(tmp_path / "c", tmp_path / "r.csv")
    loop = open_campaign(tmp_path / "c")
    loop.campaign.fit()
    assert [(one.measured, one.side) for one in explain(loop, ["K8R", "K2R"])] == [(100.0, ">"), (3.0, "")]
    with pytest.raises(SystemExit):
        main(["explain", str(tmp_path / "c"), "K8R"])
    assert "measured >100 nM" in capsys.readouterr().out
