"""What a reason says of a pick beside its prediction: what was measured around it, and what the prior says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from activeloop.campaigns import Campaign, reasons
from activeloop.campaigns.reasons import Neighbour, Seen, Surroundings
from activeloop.candidates import Compound, Guide, Pool, Sequence
from activeloop.measurements import Assay, Dataset, Measurement
from activeloop.models.gp.mutation_gp import MutationGP

WT = "MKTAYIAKQR"
KCAT = Assay("kcat", "1/s")


def around(pool: Pool, values: dict[str, float], assay: Assay = KCAT, prior: bool = False) -> Surroundings:
    rows = pool.rows_of(values)
    data = Dataset.of(pool, rows, np.array(list(values.values())), assay)
    return Surroundings.of(data, MutationGP().prior(pool) if prior else None, 0)


def test_a_single_mutant_has_what_was_measured_at_its_site():
    pool = Pool.single_mutants(WT)
    found = around(pool, {"T3S": 1.5, "T3A": 0.2, "T3V": 2.25, "Y5F": 9.0})
    row = pool.find("T3C")
    assert found.words([row]) == ["at T3 3 measured: best T3V 2.25, worst T3A 0.2 1/s"]
    assert found.seen(2) == Seen(3, ("T3V", "2.25"), ("T3A", "0.2"), pytest.approx(3.95 / 3))
    assert found.words([pool.find("Y5W")]) == ["at Y5 1 measured: Y5F 9 1/s"]


def test_less_is_better_where_an_assay_is_minimised():
    pool = Pool.single_mutants(WT)
    found = around(pool, {"T3S": 1.5, "T3A": 0.2}, Assay("KD", "nM", "minimise"))
    assert found.words([pool.find("T3C")]) == ["at T3 2 measured: best T3A 0.2, worst T3S 1.5 nM"]


def test_of_classes_those_that_are_fit_are_counted():
    pool = Pool.single_mutants(WT)
    found = around(pool, {"T3S": 1.0, "T3A": 0.0, "T3V": 1.0}, Assay("active", goal="classify"))
    assert found.words([pool.find("T3C")]) == ["at T3 3 measured, 2 of them fit"]


def test_a_limit_is_shown_as_one():
    pool = Pool.single_mutants(WT)
    data = Dataset.of(pool, pool.rows_of(["T3S", "T3A"]), np.array([1.5, 0.5]), KCAT)
    found = Surroundings.of(replace(data, censored=np.array([[0], [-1]], np.int8)), None, 0)
    assert found.words([pool.find("T3C")]) == ["at T3 2 measured: best T3S 1.5, worst T3A <0.5 1/s"]
    assert [(n.name, n.side) for n in found.most_similar(pool.find("T3C"), 2)] == [("T3S", ""), ("T3A", "<")]


def test_a_site_without_results_names_the_nearest_one_with_some():
    pool = Pool.single_mutants(WT)
    found = around(pool, {"K2S": 1.5, "Q9A": 0.5})
    assert found.words(pool.rows_of(["A4G", "A7G"])) == [
        "nothing measured at A4; nearest K2: 1 measured: K2S 1.5 1/s",
        "nothing measured at A7; nearest Q9: 1 measured: Q9A 0.5 1/s",
    ]


def test_several_mutations_are_told_apart_and_the_nearest_variant_is_named():
    pool = Pool.combinatorial(WT, ["K2", "A4"])
    found = around(pool, {"K2R:A4S": 2.0, "K2R": 1.0, "A4G": 0.5})
    (words,) = found.words([pool.find("K2R:A4G")])
    carried = "K2R in 2 measured, mean 1.5 1/s; A4G in 1 measured, mean 0.5 1/s"
    assert words == f"{carried}; nearest measured K2R:A4S (1 change): 2 1/s"
    (near,) = found.nearest(np.array([pool.find("K2R:A4S")]))
    assert near == Neighbour("K2R", 1.0, "", 1.0)  # not itself


def test_sequences_and_guides_have_the_nearest_measured_one():
    strings = Pool.of([Sequence(s) for s in ("FWAA", "FWAC", "VDGV")])
    assert around(strings, {"FWAC": 3.0, "VDGV": 1.0}).words([0]) == ["nearest measured FWAC (1 change): 3 1/s"]
    guides = Pool.of([Guide("ACGT"), Guide("AGGA"), Guide("TTTT")])
    assert around(guides, {"AGGA": 3.0}).words([0]) == ["nearest measured AGGA (2 changes): 3 1/s"]


def test_compounds_have_the_most_similar_measured_one():
    pytest.importorskip("rdkit")
    from activeloop.candidates import CompoundNotation

    notation = CompoundNotation()
    pool = Pool.of([notation.design(s) for s in ("CCCCO", "CCCCCO", "c1ccccc1", "CCCCO.CCCCO"[:5] + "C(C)C")])
    assert isinstance(pool.design(0), Compound)
    found = around(pool, {pool[1].name: 7.0, pool[2].name: 5.0}, Assay("pKd"))
    (near,) = found.nearest(np.array([0]))
    assert near is not None
    assert near.name == pool[1].name
    assert found.words([0]) == [f"most similar measured {near.name} (Tanimoto {near.distance:.2f}): 7"]
    from rdkit import Chem, DataStructs
    from rdkit.Chem import rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    bits = [generator.GetFingerprint(Chem.MolFromSmiles(pool[i].name)) for i in (0, 1)]
    assert near.distance == pytest.approx(DataStructs.TanimotoSimilarity(*bits))


def test_the_prior_is_compared_with_the_pool():
    pool = Pool.single_mutants(WT)
    found = around(pool, {}, prior=True)
    shares = found.prior_shares(np.arange(len(pool)))
    prior = MutationGP().prior(pool)
    assert prior is not None
    scores = prior.predict(pool, np.arange(len(pool)), 0, 0).mean[:, 0]
    assert shares == pytest.approx([(scores < s).mean() for s in scores])
    best = int(scores.argmax())
    assert found.words([best]) == [f"the prior ranks it above {shares[best]:.0%} of the pool"]


def test_picks_of_a_campaign_differ_in_their_reasons():
    pool = Pool.single_mutants("MKTAYIAKQRQISFVKSH")
    loop = Campaign(pool, [KCAT], MutationGP(), seed=1)
    first = loop.propose(12)
    assert len({p.reason for p in first.picks}) > 6
    assert all("the prior ranks it above" in p.reason for p in first.picks)
    loop.record([Measurement(p.name, "kcat", float(p.rank)) for p in first.picks])
    second = loop.propose(12)
    assert all("measured: " in p.reason and "the prior ranks it above" in p.reason for p in second.picks)
    assert len({p.reason for p in second.picks}) == 12


@pytest.mark.parametrize("kind", ["variants", "compounds"])
def test_pieces_in_which_candidates_are_compared_change_nothing(kind, monkeypatch):
    pytest.importorskip("rdkit")
    pool = (
        Pool.combinatorial(WT, ["K2", "T3"])
        if kind == "variants"
        else Pool.of([Compound("C" * i) for i in range(1, 30)])
    )
    names = pool.names(range(0, len(pool), 3))
    found = around(pool, dict(zip(names, np.arange(len(names)) / 7, strict=True)))
    whole = found.nearest(np.arange(len(pool)))
    monkeypatch.setattr(reasons, "COMPARISONS", 4 * len(names) + 1)
    assert found.nearest(np.arange(len(pool))) == whole
