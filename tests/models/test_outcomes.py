"""Distributions of repair outcomes: tables as people have them, a head on the simplex, and what it must beat."""

import numpy as np
import pandas as pd
import pytest

from activeloop.acquisition import BALD, Entropy, entropy
from activeloop.acquisition.base import AcquisitionContext
from activeloop.errors import InputError, ModelError, TableError
from activeloop.measurements.outcomes import outcomes_hint, read_outcomes
from activeloop.models.outcomes import OutcomeLearner, divergence
from activeloop.tables import as_table

RNG = np.random.default_rng(0)
GUIDES = ["".join(RNG.choice(list("ACGT"), 20)) for _ in range(160)]
NAMES = ("I1", "D1", "D2", "D6")


def shares(guides: list[str]) -> np.ndarray:
    """What stands beside the cut (between letters 17 and 18) decides, as it does in cells."""
    logits = np.stack(
        [
            [2.0 * (g[16] == "T"), 1.0 * (g[16] == g[17]), 1.5 * (g[15:17] == g[17:19]) + 0.8 * (g[17] == "G"), 0.0]
            for g in guides
        ]
    )
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def reads(guides: list[str], depth: int = 400) -> np.ndarray:
    return np.stack([RNG.multinomial(depth, p) for p in shares(guides)])


COUNTS = reads(GUIDES)


def wide(values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"guide": GUIDES} | {name: values[:, k] for k, name in enumerate(NAMES)})


def long(values: np.ndarray, outcome: str = "Indel", value: str = "Mutated Reads") -> pd.DataFrame:
    rows = [(g, n, values[i, k]) for i, g in enumerate(GUIDES) for k, n in enumerate(NAMES) if values[i, k]]
    return pd.DataFrame(dict(zip(["guide", outcome, value], zip(*rows, strict=True), strict=True)))


@pytest.mark.parametrize("form", ["wide reads", "wide shares", "wide percent", "long reads"])
def test_every_form_gives_the_same_distributions(form):
    table = {
        "wide reads": wide(COUNTS),
        "wide shares": wide(COUNTS / 400),
        "wide percent": wide(COUNTS / 4),
        "long reads": long(COUNTS),
    }[form]
    found = read_outcomes(table)
    assert set(found.names) == set(NAMES)
    order = [found.names.index(name) for name in NAMES]
    np.testing.assert_allclose(found.shares[:, order], COUNTS / 400, atol=1e-9)
    assert found.reads.tolist() == [400] * 160 if "reads" in form else np.isnan(found.reads).all()


def test_an_outcome_in_several_columns_as_of_indelphi():
    table = {"grna": [GUIDES[0]] * 3, "Category": ["del", "del", "ins"], "Length": ["2", "5", "1"],
             "Inserted Bases": ["", "", "A"], "Predicted frequency": [50.0, 30.0, 20.0]}  # fmt: skip
    found = read_outcomes(table)
    assert found.names == ("del 2", "del 5", "ins 1 A")
    np.testing.assert_allclose(found.frameshift(), [1.0])
    np.testing.assert_allclose(found.share_of(["del 2"]), [0.5])


def test_rare_outcomes_are_put_together():
    found = read_outcomes(wide(COUNTS), most=2)
    assert found.names[2] == "other"
    np.testing.assert_allclose(found.shares.sum(1), 1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (wide(COUNTS / 400 * 0.7), r"sum to 0.7 of 1 .*: outcomes were left out.*--rest other"),
        (wide(-COUNTS.astype(float)), "below 0"),
        (wide(np.where(np.arange(160)[:, None] == 3, 0, COUNTS)), "row 5: this guide has no reads"),
        (wide(COUNTS / 400 * np.linspace(1, 300, 160)[:, None]), "neither reads .* nor shares"),
        (wide(COUNTS).astype({"D1": object}).assign(D1=["1O", *COUNTS[1:, 1]]), "has other text behind its number"),
        (pd.DataFrame({"guide": GUIDES[:2], "efficiency": [0.1, 0.2]}), "no outcomes are found"),
        (long(COUNTS).assign(frequency=0.5), "which column holds the reads or shares"),
        (long(COUNTS).assign(Indel=""), "the outcome is empty"),
    ],
)
def test_what_is_not_clear_is_refused(table, message):
    with pytest.raises((TableError, InputError), match=message):
        read_outcomes(table)


def test_only_outcomes_are_taken_for_outcomes():
    assert "activeloop outcomes" in outcomes_hint(as_table(long(COUNTS)), "guides")
    assert "activeloop outcomes" in outcomes_hint(as_table(long(COUNTS, "repair_outcome", "value")), "guides")
    twice = {"guide": GUIDES[:2] * 2, "genotype": ["WT", "WT", "KO", "KO"], "value": [1, 2, 3, 4]}
    assert outcomes_hint(as_table(twice), "guides") == ""
    assert outcomes_hint(as_table({"guide": GUIDES[:2], "indel": [0.1, 0.2]}), "guides") == ""
    assert outcomes_hint(as_table(wide(COUNTS)), "guides") == ""


def test_the_rest_is_what_is_said():
    table = wide(COUNTS / 400 * 0.7)
    other = read_outcomes(table, rest="other")
    np.testing.assert_allclose(other.shares[:, other.names.index("other")], 0.3)
    assert "other" not in read_outcomes(table, rest="renormalise").names


def test_the_head_beats_the_mean_and_stays_on_the_simplex():
    found = read_outcomes(wide(COUNTS))
    training, test = np.arange(120), np.arange(120, 160)
    model = OutcomeLearner().fit(found, training)
    prediction = model.predict(found.pool, test, seed=0, draws=6)
    np.testing.assert_allclose(prediction.mean.sum(1), 1, atol=1e-9)
    assert prediction.draws.min() >= 0
    assert prediction.classes == found.names
    figures = model.figures(found, test)
    assert figures["kl"] < 0.7 * figures["kl_of_mean"]
    assert figures["pearson"] > 0.6
    context = AcquisitionContext(np.full(1, np.nan), np.random.default_rng(0), np.full(1, np.nan))
    information = BALD()(prediction, context)
    assert (information <= Entropy()(prediction, context) + 1e-6).all()
    assert entropy(prediction.mean).max() <= np.log(len(found.names)) + 1e-9
    again = OutcomeLearner().fit(found, training).predict(found.pool, test, 0, 6)
    assert np.array_equal(again.draws, prediction.draws)


def test_the_divergence_is_that_of_scipy():
    from scipy.stats import entropy as reference

    p, q = (RNG.dirichlet(np.ones(5), 20) for _ in range(2))
    np.testing.assert_allclose(divergence(p, q), [reference(a, b) for a, b in zip(p, q, strict=True)], rtol=1e-6)
    assert divergence(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])).tolist() == pytest.approx([np.log(2)])


def test_too_few_guides():
    with pytest.raises(ModelError, match="4 guides tell no distribution"):
        OutcomeLearner().fit(read_outcomes(wide(COUNTS)), np.arange(4))
