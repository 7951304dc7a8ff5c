"""Stacking gives weight to the learners that predict best, and explains its weights."""

from dataclasses import replace

import numpy as np
import pytest

from activeloop.candidates import Pool
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import spearman
from activeloop.models.forest import RandomForest
from activeloop.models.out_of_fold import cross_validated_prediction
from activeloop.models.stacking import Evidence, StackingEnsemble, StackingPredictor, last_plate, shares, stack
from activeloop.prediction import Learner, Prediction, Predictor

LINEAR = Assay("value", scale="linear")


class Constant(Predictor):
    """Predicts the same value for every candidate."""

    def __init__(self, value: float | np.ndarray) -> None:
        self.value = np.asarray(value)

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        mean = np.full((len(rows), 1), float(self.value))
        return Prediction(np.repeat(mean[None], draws, 0), mean, np.zeros_like(mean), np.zeros(1))

    def explain(self) -> str:
        return "The mean."

    def state(self) -> dict[str, np.ndarray]:
        return {"value": self.value}


class Mean(Learner):
    """Predicts the mean of what was measured: the baseline that every learner must beat."""

    @property
    def name(self) -> str:
        return "mean"

    def prior(self, pool: Pool) -> Predictor | None:
        return Constant(0.0)

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        return Constant(float(dataset.values.mean()))

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        return Constant(float(state["value"]))


class ByRow(Constant):
    """Predicts a given value for each row."""

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        mean = self.value[rows][:, None]
        return Prediction(np.repeat(mean[None], draws, 0), mean, np.zeros_like(mean), np.zeros(1))


class Fixed(Mean):
    """Predicts given values, whatever was measured."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        return ByRow(self.values)

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        return ByRow(self.values)


@pytest.fixture(scope="module")
def planted() -> Dataset:
    pool = Pool.combinatorial("AAA", sites=[1, 2, 3], letters="ACDEFGHI")
    truth = pool.codes().astype(float) @ np.array([3.0, 1.0, 0.5])
    rows = np.random.default_rng(0).permutation(len(pool))[:120]
    return replace(Dataset.of(pool, rows, truth[rows]), rounds=np.repeat([0, 1], 60))


def test_the_better_learner_gets_the_weight_and_is_named_first(planted: Dataset) -> None:
    fitted = StackingEnsemble((Mean(), RandomForest(trees=20))).fit(planted, seed=0)
    assert isinstance(fitted, StackingPredictor)
    assert fitted.weights[1] > 0.8
    assert fitted.weights.sum() == pytest.approx(1)
    assert fitted.explain().startswith("Stacking weights from 120 candidates: forest-onehot")
    assert "last plate" in fitted.explain()


def test_without_evidence_the_weights_stay_where_they_start() -> None:
    nothing = Evidence(np.zeros(2), np.full(2, np.nan)), Evidence(np.zeros(2), np.full(2, np.nan))
    assert stack(nothing, np.zeros(2), 20.0, np.array([0.7, 0.3])) == pytest.approx([0.7, 0.3], abs=1e-3)


def test_held_out_predictions_did_not_see_their_candidate(planted: Dataset) -> None:
    three = planted.take(np.arange(3))
    expected = [three.values[left, 0].mean() for left in ([1, 2], [0, 2], [0, 1])]
    assert cross_validated_prediction(Mean(), three, folds=5, seed=0)[0] == pytest.approx(expected)


def test_the_last_plate_is_predicted_from_the_plates_before_it(planted: Dataset) -> None:
    predicted = last_plate(Mean(), planted, seed=0)
    assert np.isnan(predicted[:60]).all()
    assert predicted[60:] == pytest.approx(planted.values[:60].mean())


def test_draws_are_joint_and_the_same_in_pieces(planted: Dataset) -> None:
    fitted = StackingEnsemble((Mean(), RandomForest(trees=20))).fit(planted, seed=0)
    rows = np.arange(50)
    whole = fitted.predict(planted.pool, rows, seed=1, draws=40)
    piece = fitted.predict(planted.pool, rows[10:30], seed=1, draws=40)
    assert whole.draws.shape == (40, 50, 1)
    assert np.array_equal(whole.draws[:, 10:30], piece.draws)


def test_a_restored_stack_predicts_the_same(planted: Dataset) -> None:
    ensemble = StackingEnsemble((Mean(), RandomForest(trees=20)))
    fitted = ensemble.fit(planted, seed=3)
    again = ensemble.restore(planted, 3, fitted.state())
    rows = np.arange(len(planted.pool))
    assert np.array_equal(fitted.predict(planted.pool, rows, 0).mean, again.predict(planted.pool, rows, 0).mean)


def test_shares_follow_the_weights() -> None:
    assert shares(np.array([1 / 3, 1 / 3, 1 / 3]), 64).sum() == 64
    assert shares(np.array([1.0, 0.0]), 5).tolist() == [5, 0]


def test_the_prior_is_that_of_the_first_learner_which_has_one(planted: Dataset) -> None:
    assert isinstance(StackingEnsemble((RandomForest(), Mean())).prior(planted.pool), Constant)
    assert StackingEnsemble((RandomForest(),)).prior(planted.pool) is None


def test_by_ranks_a_wide_spread_does_not_decide_the_order_alone() -> None:
    pool, rng = Pool.single_mutants("MKTAYIAKQRMKTAYIAKQR"), np.random.default_rng(0)
    # nearly all at one level, where only hundredths order them
    truth = np.where(rng.random(len(pool)) < 0.1, 10.0, 0.0) + 0.1 * rng.random(len(pool))
    wide = truth + rng.normal(0, 3, len(pool))
    rows, rest = np.arange(100), np.arange(100, len(pool))
    data = Dataset.of(pool, rows, truth[rows], LINEAR)
    order = {}
    for scale in ("values", "ranks", "both"):
        # a prior so strong that both keep equal weights
        ensemble = StackingEnsemble((Fixed(truth), Fixed(wide)), prior_pseudo_count=1e9, scale=scale)
        fitted = ensemble.fit(data, 0)
        assert isinstance(fitted, StackingPredictor)
        mean = fitted.predict(pool, rest, 0).mean
        assert np.array_equal(mean, fitted.mean(pool, rest))
        assert np.array_equal(mean, ensemble.restore(data, 0, fitted.state()).predict(pool, rest, 0).mean)
        order[scale] = spearman(mean[:, 0], truth[rest]), spearman(fitted.held_out(), truth[rows])
    assert all(np.array(order["ranks"]) > np.array(order["values"]) + 0.2)
    assert order["both"] == order["ranks"]


def test_on_both_scales_weights_are_the_mean_of_those_on_either() -> None:
    pool, rng = Pool.single_mutants("MKTAYIAKQRMKTAYIAKQR"), np.random.default_rng(0)
    truth = rng.exponential(size=len(pool)) ** 2
    orders, values = Fixed(np.sqrt(truth)), Fixed(truth + rng.normal(0, truth.std() / 3, len(pool)))
    data = Dataset.of(pool, np.arange(100), truth[:100], LINEAR)
    weights = {}
    for scale in ("values", "ranks", "both"):
        fitted = StackingEnsemble((orders, values), scale=scale).fit(data, 0)
        assert isinstance(fitted, StackingPredictor)
        weights[scale] = fitted.weights
    assert weights["values"][1] > weights["ranks"][1] + 0.2
    assert weights["both"] == pytest.approx((weights["values"] + weights["ranks"]) / 2)


def test_by_ranks_the_scale_of_what_was_measured_stays(planted: Dataset) -> None:
    truth = planted.pool.codes().astype(float) @ np.array([3.0, 1.0, 0.5])
    fitted = StackingEnsemble((Fixed(truth), Fixed(truth)), scale="ranks").fit(planted, 0)
    # also beyond the highest that was measured
    rows = np.arange(len(planted.pool))
    assert fitted.predict(planted.pool, rows, 0).mean[:, 0] == pytest.approx(truth)
