"""What a student predicts."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from untrained import LIBRARY, SINGLES, card

from activeloop.prediction import LEVELS, mean_of
from activeloop.students.runtime.student import Runner, Student, softmax
from activeloop.students.runtime.tokenizer import StudentTokenizer


@dataclass(frozen=True)
class Planted(Runner):
    """Numbers that follow from the tokens alone."""

    outputs: int = 1
    deviations: int = 5

    def __call__(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        tables = rng.standard_normal((1 + self.deviations, self.outputs, 40)).astype(np.float32)
        sums = tables[:, :, tokens].sum(-1)
        return sums[0].T, sums[1:].transpose(2, 0, 1)


def student(classes: tuple[str, ...] = (), **other) -> Student:
    own = card(StudentTokenizer.of(SINGLES), classes, **other)
    return Student(own, Planted(own.outputs))


ROWS = np.arange(40)


def test_draws_have_the_covariance_of_the_deviations():
    prediction = student().predict(SINGLES, ROWS[:6], 1, draws=40_000)
    _, deviations = Planted()(student().card.tokenizer.tokens(SINGLES, ROWS[:6]))
    covariance = deviations[:, :, 0] @ deviations[:, :, 0].T / deviations.shape[1]
    np.testing.assert_allclose(np.cov(prediction.draws[:, :, 0].T, bias=True), covariance, atol=0.04 * covariance.max())
    np.testing.assert_allclose(prediction.sd[:, 0], np.sqrt(np.diag(covariance)), rtol=1e-5)
    np.testing.assert_allclose(prediction.draws.mean(0), prediction.mean, atol=0.03 * prediction.sd.max())


@pytest.mark.parametrize("classes", [(), ("unfit", "fit")], ids=["values", "classes"])
def test_a_pool_may_be_predicted_in_pieces(classes, monkeypatch):
    one = student(classes)
    whole = one.predict(SINGLES, ROWS, 3, draws=8)
    parts = [one.predict(SINGLES, part, 3, draws=8) for part in np.split(ROWS, 4)]
    np.testing.assert_allclose(np.concatenate([p.draws for p in parts], 1), whole.draws, atol=1e-5)
    monkeypatch.setattr("activeloop.students.runtime.student.PIECE", 7)
    again = one.predict(SINGLES, ROWS, 3, draws=8)
    np.testing.assert_allclose(again.draws, whole.draws, atol=1e-5)
    np.testing.assert_allclose(again.mean, whole.mean, atol=1e-6)
    np.testing.assert_allclose(mean_of(one, SINGLES, ROWS), whole.mean, atol=1e-6)


def test_more_draws_begin_with_the_same():
    few, many = (student().predict(SINGLES, ROWS, 3, draws=d).draws for d in (4, 9))
    np.testing.assert_allclose(many[:4], few, atol=1e-5)
    other = student().predict(SINGLES, ROWS, 4, draws=4).draws
    assert abs(other - few).max() > 0.1


def test_classes_are_probabilities():
    prediction = student(("unfit", "fit")).predict(SINGLES, ROWS, 0, draws=4000)
    for probabilities in (prediction.draws, prediction.mean):
        np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)
        assert (probabilities >= 0).all()
    assert prediction.classes == ("unfit", "fit")
    # the mean is not that of the draws, but near: it is taken over a few points
    assert abs(prediction.draws.mean(0) - prediction.mean).mean() < 0.05
    assert np.corrcoef(prediction.draws.std(0)[:, 0], prediction.sd[:, 0])[0, 1] > 0.7


def test_marginals_alone():
    prediction = student().predict(SINGLES, ROWS, 0, draws=0)
    assert prediction.draws.shape == (0, 40, 1)
    assert (prediction.sd > 0).all()
    assert len(student().predict(SINGLES, ROWS[:0], 0)) == 0


def test_noise_and_shape_of_the_card_enter_the_prediction():
    shape = np.linspace(-5, 5, len(LEVELS))[None]
    wide = student(shape=shape, noise=(3.0,)).predict_tokens(np.full((2, 5), 4, np.int32), 0)
    low, high = wide.interval(0.9)
    spread = np.sqrt(wide.sd**2 + 9)
    np.testing.assert_allclose((high - low) / spread, 2 * np.interp(0.95, LEVELS, shape[0]), rtol=1e-3)


def test_it_explains_itself():
    text = student().explain()
    assert "1,234 parameters" in text
    assert "of a planted teacher, version 2" in text
    assert "on 100 candidates it was not trained on: Spearman 0.900" in text
    assert "could not be checked" in replace(student(), card=replace(student().card, fidelity={})).explain()
    assert student().state() == {}


def test_it_reads_only_the_sites_of_its_training():
    sites = Student(card(StudentTokenizer.of(LIBRARY, sites=True)), Planted())
    assert len(sites.predict(LIBRARY, ROWS, 0)) == 40


def test_softmax_of_large_numbers():
    np.testing.assert_allclose(softmax(np.array([[1e4, 1e4 - np.log(3)]])), [[0.75, 0.25]])
