"""Contract tests of the extension roles, for authors of plugins, and a simulated laboratory.

A role is an abstract class of one to three methods. What every class of a role promises beyond its signature is checked
here, by the same functions that check the classes of this package::

    import pytest
    from activeloop.testing import checks


    @pytest.mark.parametrize("check", checks(MyLearner()), ids=str)
    def test_contract(check):
        check()

Roles: `Learner`, `Encoder`, `FoundationModel`, `Head`, `Adapter`, `AcquisitionFunction`, `BatchStrategy`, `Landscape`,
`Reader` and `Driver`. A driver is given a plate of the pool, and must really be able to run it (a simulation will do).
The pools and values that learners and encoders are checked on are planted, see `planted_pool` and `planted_dataset`;
give `pool=` for other candidates. Adapters are checked in the model that ships.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from activeloop.acquisition import AcquisitionContext, AcquisitionFunction, BatchStrategy, Variance
from activeloop.adapters import Adapter
from activeloop.candidates import Compound, Guide, Pool, TreatmentPool
from activeloop.encoders import Encoder
from activeloop.errors import ActiveLoopError, InputError, MeasurementError, ModelError
from activeloop.foundation import FoundationModel
from activeloop.instruments import Reader
from activeloop.lab import DeviceError, Driver, PlateRun
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import spearman
from activeloop.models.heads.base import Head, HeadInputs, Posterior
from activeloop.plates import Pick, Plate, Proposal
from activeloop.plates.picklists import transfers
from activeloop.prediction import Learner, Prediction
from activeloop.replay import Landscape, SimulatedLaboratory

__all__ = [
    "Check",
    "SimulatedLaboratory",
    "checks",
    "planted_context",
    "planted_dataset",
    "planted_pool",
    "planted_prediction",
    "planted_values",
    "readable_predictions",
]

#: candidates of a planted prediction
N = 40


@dataclass(frozen=True)
class Check:
    """One promise of a role; calling it raises `AssertionError` with a sentence when it is broken.

    >>> from activeloop.encoders import OneHot
    >>> [str(check) for check in checks(OneHot())][0]
    'features are a finite float32 table'
    """

    name: str
    run: Callable[[], None]

    def __call__(self) -> None:
        """Run the check."""
        self.run()

    def __str__(self) -> str:
        return self.name


def checks(
    subject: Learner | Encoder | Head | Adapter | AcquisitionFunction | BatchStrategy | Landscape | Reader | Driver,
    pool: Pool | None = None,
) -> list[Check]:
    """The checks of an object's role.

    Args:
        subject: an object of one of the roles.
        pool: candidates that a learner, an encoder or a foundation model can read, or that a driver is given; a planted
            library when None.

    Raises:
        TypeError: the object has none of the roles.

    >>> from activeloop.acquisition import Greedy
    >>> for check in checks(Greedy()):
    ...     check()
    """
    for role, functions in _ROLES.items():
        if isinstance(subject, role):
            reads = role in (Learner, Encoder, FoundationModel, Driver)
            given = (subject, planted_pool() if pool is None else pool) if reads else (subject,)
            return [Check(f.__name__.strip("_").replace("_", " "), partial(f, *given)) for f in functions]
    roles = ", ".join(role.__name__ for role in _ROLES)
    raise TypeError(f"a {type(subject).__name__} has none of the roles {roles}: derive it from one of them.")


def planted_pool(kind: str = "variants") -> Pool:
    """A small pool: 8,000 variants of three sites, 336 compounds, 500 guides, or 336 treatments.

    >>> [len(planted_pool(kind)) for kind in ("variants", "compounds", "guides", "treatments")]
    [8000, 336, 500, 336]
    """
    if kind == "variants":
        return Pool.combinatorial("MKTAYIAKQR", sites=["K2", "A4", "I6"])
    if kind == "guides":
        bases = np.unique(np.random.default_rng(0).choice(list("ACGT"), (500, 20)), axis=0)
        return Pool.of([Guide("".join(row)) for row in bases])
    heads = ("c1ccccc1", "C1CCCCC1", "c1ccncc1", "C1CCNCC1", "N#C", "FC(F)(F)")
    tails = ("O", "N", "C(=O)O", "Cl", "C(=O)NC", "S", "c1ccco1", "N1CCOCC1")
    if kind == "treatments":
        compounds = [f"{head}CC{tail}" for head, tail in itertools.product(heads, tails)]
        return TreatmentPool([f"line{i}" for i in range(7)], compounds)
    parts = itertools.product(heads, range(1, 8), tails)
    return Pool.of([Compound(f"{head}{'C' * length}{tail}") for head, length, tail in parts])


def planted_values(pool: Pool) -> np.ndarray:
    """[N] planted values of all candidates: additive over sites or groups, far from 0 and 1."""
    if pool.sites is None:
        names = pool.names(range(len(pool)))
        return np.array([5 + 3 * ("N" in n) - 2 * ("F" in n) + 0.3 * n.count("C") + 2 * ("c1" in n) for n in names])
    effects = np.random.default_rng(1).standard_normal((len(pool.sites.labels), len(pool.sites.alphabet)))
    return 10 + 2 * effects[np.arange(len(effects)), pool.codes()].sum(1)


def planted_dataset(pool: Pool, labels: int, seed: int = 0) -> Dataset:
    """Values of a random part of a pool, without noise.

    Args:
        pool: candidates.
        labels: how many of them are measured.
        seed: of the choice.
    """
    rows = np.random.default_rng(seed).choice(len(pool), labels, replace=False)
    return Dataset.of(pool, rows, planted_values(pool)[rows])


def planted_prediction(assays: int = 1, classes: int = 0, draws: int = 30, seed: int = 0) -> Prediction:
    """A prediction of 40 candidates with correlated joint samples.

    Args:
        assays: A, when `classes` is 0.
        classes: C, at most 3; 0 for values.
        draws: S.
        seed: of everything.
    """
    rng = np.random.default_rng(seed)
    if classes:
        f = rng.standard_normal((draws, 4)) @ rng.standard_normal((4, N * classes))
        p = np.exp(f.reshape(draws, N, classes))
        return Prediction.of_draws(p / p.sum(2, keepdims=True), np.zeros(classes), tuple("abc"[:classes]))
    factors = rng.standard_normal((5, N))
    f = np.einsum("sak,kn->sna", rng.standard_normal((draws, assays, 5)), factors) + rng.standard_normal((N, assays))
    return Prediction.of_draws(f, np.full(assays, 0.3))


def planted_context(seed: int = 0, assays: int = 1, target: Prediction | None = None) -> AcquisitionContext:
    """What was measured so far: six values of each assay, and a threshold of .2."""
    measured = np.random.default_rng(5).standard_normal((6, assays))
    rng = np.random.default_rng(seed)
    return AcquisitionContext(measured.max(0), rng, np.full(assays, 0.2), measured, None, target)


def _require(condition: object, sentence: str) -> None:
    if not condition:
        raise AssertionError(sentence)


def _same(a: Prediction, b: Prediction) -> None:
    for field in ("draws", "mean", "sd", "noise"):
        np.testing.assert_allclose(getattr(a, field), getattr(b, field), rtol=1e-4, atol=1e-4, err_msg=field)


def _sensible(prediction: Prediction, draws: int, rows: int, assays: int = 1) -> None:
    shapes = [x.shape for x in (prediction.draws, prediction.mean, prediction.sd, prediction.noise)]
    expected = [(draws, rows, assays), (rows, assays), (rows, assays), (assays,)]
    _require(shapes == expected, f"draws, mean, sd, noise have the shapes {shapes}, not {expected}")
    for field in ("draws", "mean", "sd", "noise"):
        _require(np.isfinite(getattr(prediction, field)).all(), f"{field} is not finite")
    _require((prediction.sd >= 0).all(), "a standard deviation is negative")


# Learners


def _finds_a_planted_truth(learner: Learner, pool: Pool) -> None:
    dataset, truth = planted_dataset(pool, 150), planted_values(pool)
    others = np.setdiff1d(np.arange(len(pool)), dataset.rows)[:500]
    prediction = learner.fit(dataset, seed=0).predict(pool, others, seed=1)
    _sensible(prediction, 64, len(others))
    found = spearman(prediction.mean[:, 0], truth[others])
    _require(found > 0.6, f"Spearman with the planted truth is {found:.2f}")
    _require(abs(prediction.mean.mean() - truth.mean()) < 2 * truth.std(), "means are far from the values")
    _require(prediction.sd.max() > 0, "nothing is uncertain")


def _joint_samples_are_functions_of_the_whole_pool(learner: Learner, pool: Pool) -> None:
    model = learner.fit(planted_dataset(pool, 60), seed=0)
    rows = np.random.default_rng(0).permutation(len(pool))[:90]
    whole = model.predict(pool, rows, seed=5, draws=12)
    for piece in (slice(0, 1), slice(1, 40), slice(40, 90)):
        _same(model.predict(pool, rows[piece], seed=5, draws=12), whole.take(np.arange(90)[piece]))
    _sensible(model.predict(pool, rows[:0], seed=5, draws=12), 12, 0)


def _joint_samples_agree_with_mean_and_sd(learner: Learner, pool: Pool) -> None:
    prediction = learner.fit(planted_dataset(pool, 60), seed=0).predict(pool, np.arange(80), seed=2, draws=240)
    sd = np.maximum(prediction.sd, 1e-6 * np.abs(prediction.mean))
    # a learner on ranks has a skewed posterior and gives its median
    centres = (prediction.draws.mean(0), np.median(prediction.draws, axis=0))
    off = min(float((np.abs(centre - prediction.mean) / (0.4 * sd + 1e-3)).max()) for centre in centres)
    _require(off < 1, "neither mean nor median of the joint samples is the mean")
    np.testing.assert_allclose(prediction.draws.std(0).mean(), prediction.sd.mean(), rtol=0.15)
    _require(np.ptp(prediction.draws, axis=0).max() > 0, "all joint samples are the same")


def _the_seed_decides(learner: Learner, pool: Pool) -> None:
    dataset, rows = planted_dataset(pool, 40), np.arange(50)
    model = learner.fit(dataset, seed=3)
    first = model.predict(pool, rows, seed=4, draws=8)
    _same(first, learner.fit(dataset, seed=3).predict(pool, rows, seed=4, draws=8))
    other = model.predict(pool, rows, seed=5, draws=8)
    _require(not np.allclose(first.draws, other.draws), "another seed gives the same joint samples")
    _sensible(model.predict(pool, rows, seed=4, draws=0), 0, 50)


def _a_stored_predictor_is_the_same(learner: Learner, pool: Pool) -> None:
    dataset, rows = planted_dataset(pool, 40), np.arange(50)
    model = learner.fit(dataset, seed=3)
    state = {key: np.array(value, copy=True) for key, value in model.state().items()}
    for stored in (state, {}):
        restored = learner.restore(dataset, 3, stored)
        _same(model.predict(pool, rows, seed=4, draws=8), restored.predict(pool, rows, seed=4, draws=8))


def _few_labels_are_enough(learner: Learner, pool: Pool) -> None:
    for labels in (1, 2, 3):
        dataset = planted_dataset(pool, labels)
        prediction = learner.fit(dataset, seed=0).predict(pool, np.arange(50), seed=1, draws=8)
        _sensible(prediction, 8, 50)
        _require(abs(prediction.mean.mean() - dataset.values.mean()) < 20, f"means are far off with {labels} labels")


def _constant_values_are_no_trouble(learner: Learner, pool: Pool) -> None:
    dataset = planted_dataset(pool, 20)
    for value in (0.0, 7.5, -3e6):
        constant = replace(dataset, values=np.full((20, 1), value))
        prediction = learner.fit(constant, seed=0).predict(pool, np.arange(50), seed=1, draws=8)
        _sensible(prediction, 8, 50)
        np.testing.assert_allclose(prediction.mean, value, atol=3 + 1e-6 * abs(value))


def _the_unit_does_not_matter(learner: Learner, pool: Pool) -> None:
    dataset, rows = planted_dataset(pool, 60), np.arange(60)
    scaled = replace(dataset, values=1000 * dataset.values)
    one = learner.fit(dataset, seed=0).predict(pool, rows, seed=1, draws=4)
    thousand = learner.fit(scaled, seed=0).predict(pool, rows, seed=1, draws=4)
    _require(spearman(one.mean[:, 0], thousand.mean[:, 0]) > 0.99, "another unit gives another order")
    np.testing.assert_allclose(thousand.sd.mean() / one.sd.mean(), 1000, rtol=0.05)


def _several_assays_have_a_model_each(learner: Learner, pool: Pool) -> None:
    one = planted_dataset(pool, 60)
    values = np.concatenate([one.values, 50 - 3 * one.values], axis=1)
    values[::3, 1] = np.nan
    assays = (Assay("kcat"), Assay("stability"))
    two = replace(one, values=values, errors=np.zeros((60, 2)), censored=np.zeros((60, 2), np.int8), assays=assays)
    model = learner.fit(two, seed=0)
    prediction = model.predict(pool, np.arange(80), seed=1, draws=8)
    _sensible(prediction, 8, 80, assays=2)
    _require(spearman(prediction.mean[:, 0], prediction.mean[:, 1]) < -0.3, "opposite assays are not predicted so")
    for assay in assays:
        _require(assay.name in model.explain(), f'the explanation does not name the assay "{assay.name}"')
    _same(prediction, learner.restore(two, 0, model.state()).predict(pool, np.arange(80), seed=1, draws=8))


def _data_that_carry_no_model_are_refused(learner: Learner, pool: Pool) -> None:
    nothing = Dataset.of(pool, np.arange(3), np.full(3, np.nan), Assay("kcat"))
    infinite = Dataset.of(pool, np.arange(2), np.array([1.0, np.inf]))
    for dataset, words in ((nothing, '"kcat" was measured in no candidate'), (infinite, "infinite")):
        try:
            learner.fit(dataset, seed=0)
        except ModelError as error:
            _require(words in str(error), f"the refusal does not contain {words!r}: {error}")
        else:
            raise AssertionError(f"fitted to data that it must refuse: {words}")


def _names_and_explains_itself(learner: Learner, pool: Pool) -> None:
    model = learner.fit(planted_dataset(pool, 20), seed=0)
    _require("20" in model.explain(), f"the explanation does not say how many labels: {model.explain()}")
    _require(learner.name and " " not in learner.name, f"{learner.name!r} is no name")


def _a_prior_is_a_predictor_or_none(learner: Learner, pool: Pool) -> None:
    prior = learner.prior(pool)
    if prior is not None:
        _sensible(prior.predict(pool, np.arange(30), seed=0, draws=4), 4, 30)
        _require(prior.explain(), "the prior does not explain itself")


# Encoders


def _features_are_a_finite_float32_table(encoder: Encoder, pool: Pool) -> None:
    rows = np.arange(min(len(pool), 50))
    features = encoder.features(pool, rows)
    _require(features.dtype == np.float32, f"features are {features.dtype}, not float32")
    _require(features.ndim == 2 and len(features) == len(rows) and features.shape[1], f"shape {features.shape}")
    _require(np.isfinite(features).all(), "a feature is not finite")
    _require(len(np.unique(features, axis=0)) > 1, "all candidates have the same features")


def _a_row_does_not_depend_on_the_others(encoder: Encoder, pool: Pool) -> None:
    rows = np.random.default_rng(0).permutation(min(len(pool), 50))
    together = encoder.features(pool, rows)
    apart = np.concatenate([encoder.features(pool, rows[i : i + 1]) for i in range(len(rows))])
    np.testing.assert_array_equal(together, apart)
    np.testing.assert_array_equal(together, encoder.features(pool, rows))


def _no_rows_give_an_empty_table_of_the_same_width(encoder: Encoder, pool: Pool) -> None:
    width = encoder.features(pool, np.arange(1)).shape[1]
    _require(encoder.features(pool, np.zeros(0, np.int64)).shape == (0, width), "no rows have another width")
    _require(encoder.name, "an encoder needs a name")


# Heads


def _planted_inputs(count: int, width: int = 6, scores: int = 0, seed: int = 0) -> tuple[HeadInputs, np.ndarray]:
    """Inputs of a head and [count] values that are linear in features of very different scales."""
    rng = np.random.default_rng([seed, width])
    scales, weights = 10.0 ** rng.uniform(-1, 1, width), rng.standard_normal(width)
    standard = np.random.default_rng([seed, count, 1]).standard_normal((count, width))
    truth = standard @ weights / np.sqrt(width)
    prior_scores = truth[:, None] + np.random.default_rng(seed).standard_normal((count, scores))
    return HeadInputs((5 + standard * scales).astype(np.float32), prior_scores), truth


def _posterior(head: Head, count: int, width: int, scores: int = 0) -> tuple[Posterior, HeadInputs]:
    inputs, truth = _planted_inputs(count, width, scores)
    return head.fit(inputs, (truth - truth.mean()) / truth.std(), np.ones(count), 0), inputs


def _a_head_finds_a_planted_truth(head: Head) -> None:
    for count, width, least in ((60, 6, 0.95), (400, 6, 0.98), (40, 200, 0.2)):
        posterior, _ = _posterior(head, count, width)
        others, truth = _planted_inputs(500, width)
        mean, sd = posterior.marginals(others)
        found = spearman(mean, truth)
        _require(found > least, f"Spearman with the planted truth is {found:.2f} for {count} values")
        _require((sd > 0).any(), "nothing is uncertain")


def _samples_of_a_head_agree_with_mean_and_sd(head: Head) -> None:
    posterior, _ = _posterior(head, 30, 40, scores=1)
    inputs, _ = _planted_inputs(60, 40, scores=1, seed=1)
    draws = posterior.draws(inputs, 3, 4000)
    mean, sd = posterior.marginals(inputs)
    # within five standard errors, and within the error of random Fourier features
    off = np.abs(draws.mean(0) - mean) - (5 / np.sqrt(4000) + 0.02) * sd
    _require((off < 0).all(), "the mean of the samples is not the mean")
    np.testing.assert_allclose(draws.std(0), sd, rtol=0.08)


def _samples_of_a_head_are_functions_bit_for_bit(head: Head) -> None:
    posterior, _ = _posterior(head, 30, 33, scores=1)
    inputs, _ = _planted_inputs(1000, 33, scores=1, seed=2)
    whole = posterior.draws(inputs, 5, 40)
    for size in (1, 2, 17, 333):
        rows = np.random.default_rng(size).permutation(1000)[:size]
        np.testing.assert_array_equal(posterior.draws(inputs.take(rows), 5, 40), whole[:, rows])
    np.testing.assert_array_equal(posterior.draws(inputs, 5, 7), whole[:7])
    _require(not np.array_equal(posterior.draws(inputs, 6, 40), whole), "another seed gives the same samples")


def _the_state_of_a_head_is_the_same_posterior(head: Head) -> None:
    posterior, inputs = _posterior(head, 20, 30, scores=2)
    state = {key: np.array(value, copy=True) for key, value in posterior.state().items()}
    restored = head.restore(state)
    np.testing.assert_array_equal(posterior.draws(inputs, 1, 9), restored.draws(inputs, 1, 9))
    np.testing.assert_array_equal(posterior.marginals(inputs), restored.marginals(inputs))


# Adapters and foundation models, on the model that ships


def _adapted(adapter: Adapter, seed: int = 0) -> Any:
    from activeloop.adapters import attach
    from activeloop.foundation import ESM2

    return attach(adapter, ESM2().load(), seed)


def _outputs(encoder: Any) -> np.ndarray:
    """Hidden states of three short sequences, real tokens only."""
    import torch

    ids = torch.randint(4, 24, (3, 9), generator=torch.Generator().manual_seed(0))
    real = torch.arange(9) < torch.tensor([[9], [6], [8]])
    with torch.no_grad():
        return encoder.eval()(ids, real)[real].numpy()


def _an_adapter_changes_nothing_before_training(adapter: Adapter) -> None:
    from activeloop.foundation import ESM2

    np.testing.assert_allclose(_outputs(_adapted(adapter).encoder), _outputs(ESM2().load()), rtol=1e-4, atol=1e-4)


def _trainable_parameters_take_gradients(adapter: Adapter) -> None:
    attached = _adapted(adapter)
    trainable = [p for p in attached.encoder.parameters() if p.requires_grad]
    _require({id(p) for p in trainable} == {id(p) for p in attached.parameters()}, "other parameters take gradients")
    _require(attached.trainable() == sum(p.numel() for p in trainable), "the count of trainable parameters is wrong")
    _require(len(attached.rates()) == len(attached.parameters()), "a parameter has no learning rate")


def _the_state_of_an_adapter_gives_the_same_outputs(adapter: Adapter) -> None:
    import torch

    attached, other = _adapted(adapter), _adapted(adapter, seed=7)
    with torch.no_grad():
        for k, parameter in enumerate(attached.parameters()):
            parameter += 0.01 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(k))
    other.load(attached.state())
    trained = _outputs(attached.encoder)
    np.testing.assert_array_equal(_outputs(other.encoder), trained)
    np.testing.assert_allclose(_outputs(attached.merge()), trained, rtol=1e-4, atol=1e-4)


def _the_seed_gives_the_same_start(adapter: Adapter) -> None:
    first, second = _adapted(adapter, 3).state(), _adapted(adapter, 3).state()
    _require(first.keys() == second.keys(), "the same seed gives other tensors")
    for key, tensor in first.items():
        np.testing.assert_array_equal(tensor.numpy(), second[key].numpy(), err_msg=key)


def _padding_changes_nothing(model: FoundationModel, pool: Pool) -> None:
    rows = np.arange(min(len(pool), 20))
    together = model.features(pool, rows)
    apart = np.concatenate([model.features(pool, rows[i : i + 1]) for i in range(len(rows))])
    # other minibatches round differently, more so in half precision
    np.testing.assert_allclose(apart, together, rtol=0, atol=0.02 * float(np.abs(together).max()))
    _require(together.shape[1] > 0 and np.isfinite(together).all(), "features are missing or not finite")
    _require(len(np.unique(together.round(4), axis=0)) > 1, "all candidates have the same features")


def _each_load_is_a_copy(model: FoundationModel, pool: Pool) -> None:
    del pool
    one, two = model.load().state_dict(), model.load().state_dict()
    for name, tensor in one.items():
        np.testing.assert_array_equal(tensor.float().numpy(), two[name].float().numpy(), err_msg=name)
        _require(tensor.data_ptr() != two[name].data_ptr(), f"two loads share the tensor {name}")


# Acquisition functions and batch strategies


def readable_predictions(function: AcquisitionFunction) -> list[tuple[Prediction, int]]:
    """Predictions that a function reads, with their columns: one assay, two assays, two classes, three classes."""
    every = [(planted_prediction(assays=a), a) for a in (1, 2)] + [(planted_prediction(classes=c), c) for c in (2, 3)]
    readable = []
    for prediction, columns in every:
        try:
            function(prediction, planted_context(3, columns))
        except ActiveLoopError:  # refused in words, as a function of one assay refuses several
            continue
        readable.append((prediction, columns))
    _require(readable, "reads neither values nor classes")
    return readable


def _values_are_finite_and_repeatable(function: AcquisitionFunction) -> None:
    for prediction, columns in readable_predictions(function):
        before = prediction.draws.copy(), prediction.mean.copy()
        first = function(prediction, planted_context(3, columns))
        _require(first.shape == (N,), f"the values have the shape {first.shape}, not ({N},)")
        _require(np.isfinite(first).all(), "a value is not finite")
        np.testing.assert_array_equal(first, function(prediction, planted_context(3, columns)))
        np.testing.assert_array_equal(before[0], prediction.draws, err_msg="the joint samples were changed")
        np.testing.assert_array_equal(before[1], prediction.mean, err_msg="the mean was changed")


def _the_order_of_candidates_does_not_matter(function: AcquisitionFunction) -> None:
    order = np.random.default_rng(1).permutation(N)
    for prediction, columns in readable_predictions(function):
        whole = function(prediction, planted_context(3, columns))
        moved = function(prediction.take(order), planted_context(3, columns))
        np.testing.assert_allclose(moved, whole[order], rtol=0, atol=1e-9)


def _a_pool_in_pieces_has_the_same_values(function: AcquisitionFunction) -> None:
    half = np.arange(N // 2)
    for prediction, columns in readable_predictions(function):
        whole = function(prediction, planted_context(3, columns, prediction))
        piece = function(prediction.take(half), planted_context(3, columns, prediction))
        if function.name != "hypervolume" or getattr(function, "reference", None):  # else the pool sets its reference
            np.testing.assert_allclose(piece, whole[half], rtol=0, atol=1e-9)


def _reasons_are_words_without_line_breaks(function: AcquisitionFunction) -> None:
    for prediction, _ in readable_predictions(function):
        reason = function.reason(prediction, 3)
        _require(len(reason) > 10 and "\n" not in reason and "nan" not in reason, f"{reason!r} is no reason")
    _require(function.name, "an acquisition function needs a name")


def _picks(batch: BatchStrategy, prediction: Prediction, n: int, seed: int = 0) -> np.ndarray:
    features = np.random.default_rng(2).standard_normal((N, 6)).astype(np.float32)
    values = Variance()(prediction, planted_context(seed))
    return batch(prediction, values, n, planted_context(seed), features)


def _picks_n_different_candidates(batch: BatchStrategy) -> None:
    for prediction, n in itertools.product((planted_prediction(), planted_prediction(classes=2)), (1, 9, N)):
        picks = _picks(batch, prediction, n)
        _require(picks.shape == (n,) and picks.dtype.kind == "i", f"{n} picks have shape {picks.shape}, {picks.dtype}")
        _require(len(set(picks.tolist())) == n, "a candidate was picked twice")
        _require(((picks >= 0) & (picks < N)).all(), "a pick is no candidate")


def _the_seed_decides_the_picks(batch: BatchStrategy) -> None:
    for prediction in (planted_prediction(), planted_prediction(classes=3)):
        np.testing.assert_array_equal(_picks(batch, prediction, 9, 4), _picks(batch, prediction, 9, 4))


def _spreads_before_any_model_where_it_says_so(batch: BatchStrategy) -> None:
    _require(batch.name and "\n" not in batch.phrase, "a batch strategy needs a name, and a phrase in one line")
    if batch.spreads:
        nothing = Prediction(np.zeros((0, N, 1)), np.zeros((N, 1)), np.ones((N, 1)), np.zeros(1))
        features = np.random.default_rng(2).standard_normal((N, 6)).astype(np.float32)
        picks = batch(nothing, np.zeros(N), 8, planted_context(), features)
        _require(len(set(picks.tolist())) == 8, "without a model, a candidate was picked twice")


# Landscapes


def _every_candidate_has_a_finite_value(landscape: Landscape) -> None:
    _require(len(landscape) == len(landscape.pool) == len(landscape.values), "pool and values differ in length")
    _require(np.isfinite(landscape.values).all(), "a value is missing or infinite")
    _require(landscape.fit.dtype == bool and 0 < landscape.fit.sum(), "no candidate counts as fit")
    _require(landscape.name and landscape.origin, "a landscape names itself and its origin")


# Readers and drivers


def _a_file_of_no_instrument_is_refused(reader: Reader) -> None:
    _require(reader.name, "a reader needs a name")
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {"note.txt": "the plate fell on the floor\n" * 9, "empty.csv": "", "a.xlsx": "PK"}.items():
            path = Path(folder) / name
            path.write_text(content)
            try:
                found = reader.read(path)
            except MeasurementError as error:
                _require(str(path) in str(error), f"the refusal does not name the file: {error}")
            else:
                _require(not found.readings, f"{name} holds nothing, and {len(found.readings)} values were read")


def _planted_run(driver: Driver, pool: Pool, size: int) -> PlateRun:
    picks = tuple(Pick("", pool[i].name, i + 1, 0.0, 0.0, 0.0, 0.0, "") for i in range(min(len(pool), 4)))
    plate = Plate.fill(Proposal(1, picks, 0, 0, ""), wells=size, controls=0)
    able = driver.capabilities
    moves = transfers(plate, max(1.0, able.least_volume)) if able.dispenses else ()
    return PlateRun(f"check-{size}", plate, tuple(moves))


def _ended(driver: Driver, run: PlateRun) -> str:
    """The handle of a run that was followed to its end."""
    for _ in range(200):
        try:
            handle = driver.submit(run)
            state = driver.poll(handle)
        except DeviceError:
            continue  # it is asked again
        _require(0 <= state.share <= 1, f"the share {state.share} is none")
        if state.stage in ("done", "failed", "stopped"):
            _require(state.stage == "done", f"the run ended as {state.stage}: {state.words}")
            return handle
    raise AssertionError("a run did not end within 200 questions")


def _a_run_is_begun_once_and_its_end_stands(driver: Driver, pool: Pool) -> None:
    run = _planted_run(driver, pool, driver.capabilities.wells[0])
    handle = _ended(driver, run)
    _require(driver.begun(handle), "a run that ended was never begun")
    _require(driver.submit(run) == driver.find(run) == handle, "the same run got another handle")
    driver.cancel(handle)
    _require(driver.poll(handle).stage == "done", "a run that had ended was cancelled")
    files = driver.collect(handle)
    _require(bool(files) or not driver.capabilities.measures, "a device that measures gave no file")
    _require({f.name for f in driver.collect(handle)} == {f.name for f in files}, "the files have other names now")


def _what_it_cannot_do_is_refused(driver: Driver, pool: Pool) -> None:
    able = driver.capabilities
    _require(
        driver.name and able.wells and (able.dispenses or able.measures), "a driver says its name and what it can do"
    )
    other = next((size for size in (6, 12, 24, 48, 96, 384, 1536) if size not in able.wells), None)
    if other is None:
        return
    try:
        driver.submit(_planted_run(driver, pool, other))
    except InputError:
        return
    raise AssertionError(f"a plate of {other} wells was taken, and {able.wells} are said to be possible")


_ROLES: dict[type[Any], tuple[Callable[..., None], ...]] = {
    Learner: (
        _finds_a_planted_truth,
        _joint_samples_are_functions_of_the_whole_pool,
        _joint_samples_agree_with_mean_and_sd,
        _the_seed_decides,
        _a_stored_predictor_is_the_same,
        _few_labels_are_enough,
        _constant_values_are_no_trouble,
        _the_unit_does_not_matter,
        _several_assays_have_a_model_each,
        _data_that_carry_no_model_are_refused,
        _names_and_explains_itself,
        _a_prior_is_a_predictor_or_none,
    ),
    FoundationModel: (
        _padding_changes_nothing,
        _no_rows_give_an_empty_table_of_the_same_width,
        _each_load_is_a_copy,
    ),
    Encoder: (
        _features_are_a_finite_float32_table,
        _a_row_does_not_depend_on_the_others,
        _no_rows_give_an_empty_table_of_the_same_width,
    ),
    Head: (
        _a_head_finds_a_planted_truth,
        _samples_of_a_head_agree_with_mean_and_sd,
        _samples_of_a_head_are_functions_bit_for_bit,
        _the_state_of_a_head_is_the_same_posterior,
    ),
    Adapter: (
        _an_adapter_changes_nothing_before_training,
        _trainable_parameters_take_gradients,
        _the_state_of_an_adapter_gives_the_same_outputs,
        _the_seed_gives_the_same_start,
    ),
    AcquisitionFunction: (
        _values_are_finite_and_repeatable,
        _the_order_of_candidates_does_not_matter,
        _a_pool_in_pieces_has_the_same_values,
        _reasons_are_words_without_line_breaks,
    ),
    BatchStrategy: (
        _picks_n_different_candidates,
        _the_seed_decides_the_picks,
        _spreads_before_any_model_where_it_says_so,
    ),
    Reader: (_a_file_of_no_instrument_is_refused,),
    Driver: (_a_run_is_begun_once_and_its_end_stands, _what_it_cannot_do_is_refused),
    Landscape: (_every_candidate_has_a_finite_value,),
}
