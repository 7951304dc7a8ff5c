"""The classifier by passes with dropout: its masks are functions, and none of them is silently off."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from activeloop.acquisition import Entropy, entropy
from activeloop.acquisition.base import AcquisitionContext
from activeloop.adapters import LoRA, attach
from activeloop.adapters.peft import merged, tuner_layers
from activeloop.candidates import Mutation, Pool, Variant
from activeloop.errors import ConfigError, ModelError
from activeloop.foundation import ESM2
from activeloop.foundation.cell_encoder import CellEncoder, CellStack
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import auroc
from activeloop.models import DropoutClassifier, TrainingConfig
from activeloop.models.finetuning.dropout_passes import DropoutPasses, mask
from activeloop.models.finetuning.predictor import entering_minibatches
from activeloop.models.registry import dropout_classifier

CHAIN = "MKTAYIAKQR"
POOL = Pool.single_mutants(CHAIN)
LENGTHS = [
    Variant(CHAIN, (Mutation(place, CHAIN[place - 1], new),))
    for place, new in ((2, "R"), (4, ""), (5, "W"), (7, ""), (9, "E"))
] + [Variant(CHAIN, (Mutation(3, "", "GG"),)), Variant(CHAIN, (Mutation(6, "I", "V"), Mutation(8, "", "P")))]
EVERY = np.arange(len(POOL))
EFFECT = np.random.default_rng(0).standard_normal(20)
FIT = EFFECT[POOL.codes()[EVERY, np.repeat(range(10), 19)]] > 0
ROWS = np.random.default_rng(1).permutation(len(POOL))[:32]


@pytest.fixture(scope="module")
def learner(tiny: str) -> DropoutClassifier:
    return DropoutClassifier(ESM2(tiny), rank=2, plan=TrainingConfig(epochs=4))


@pytest.fixture(scope="module")
def fitted(learner: DropoutClassifier) -> DropoutPasses:
    found = learner.fit(classes(), 0)
    assert isinstance(found, DropoutPasses)
    return found


def classes(rows: np.ndarray = ROWS) -> Dataset:
    return Dataset.of(POOL, rows, FIT[rows].astype(float), Assay("bound", goal="classify"))


def test_probabilities_are_means_of_passes_and_their_entropy_is_what_is_scored(fitted: DropoutPasses):
    prediction = fitted.predict(POOL, EVERY, seed=1, draws=10)
    assert prediction.classes == ("unfit", "fit")
    np.testing.assert_allclose(prediction.draws.sum(2), 1, atol=1e-6)
    np.testing.assert_allclose(prediction.mean, prediction.draws.mean(0), atol=1e-6)
    assert np.array_equal(fitted.predict(POOL, EVERY, seed=1, draws=0).mean, prediction.mean)
    context = AcquisitionContext(np.full(1, np.nan), np.random.default_rng(0), np.full(1, np.nan))
    np.testing.assert_allclose(Entropy()(prediction, context), entropy(prediction.mean))
    rest = np.setdiff1d(EVERY, ROWS)
    assert auroc(prediction.mean[rest, 1], FIT[rest]) > 0.6


def test_a_pass_is_one_function_of_all_candidates(fitted: DropoutPasses):
    whole = fitted.predict(POOL, EVERY, seed=3, draws=4).draws
    pieces = [fitted.predict(POOL, EVERY[i : i + 19], seed=3, draws=4).draws for i in range(0, 190, 19)]
    np.testing.assert_allclose(np.concatenate(pieces, 1), whole, atol=1e-4)
    assert np.ptp(fitted.predict(POOL, np.array([5, 5]), seed=3, draws=4).draws, axis=1).max() < 1e-6
    assert not np.allclose(whole[0], whole[1])


def test_the_dropout_of_lora_and_that_of_the_head_each_change_predictions(fitted: DropoutPasses):
    for adapter, head in ((True, False), (False, True)):
        passes = fitted.probabilities(POOL, EVERY, 0, 3, adapter, head)
        assert (np.ptp(passes, axis=0) > 0).mean() > 0.9
    assert np.ptp(fitted.probabilities(POOL, EVERY, 0, 3, adapter=False, head=False), axis=0).max() == 0


def test_comes_back_from_its_state(learner: DropoutClassifier, fitted: DropoutPasses):
    again = learner.restore(classes(), 0, {name: np.array(array) for name, array in fitted.state().items()})
    for field in ("draws", "mean", "sd"):
        one, two = (getattr(m.predict(POOL, EVERY, 1, 12), field) for m in (fitted, again))
        assert np.array_equal(one, two)
    assert again.explain() == fitted.explain()


def test_an_adapter_that_was_not_trained_has_no_dropout_and_is_refused(learner: DropoutClassifier):
    # the product of LoRA's matrices starts at 0, so its masks change nothing
    with pytest.raises(ModelError, match="dropout of LoRA changes no prediction"):
        replace(learner, plan=TrainingConfig(epochs=0)).fit(classes(), 0)


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"rate": 1.0}, {"passes": 1}])
def test_no_spread_is_refused_before_the_fit(learner: DropoutClassifier, wrong: dict):
    with pytest.raises(ModelError, match="no spread"):
        replace(learner, **wrong)


@pytest.mark.parametrize("values", [np.array([0.0, 2.0]), np.array([-1.0, 1.0])])
def test_values_are_no_classes(learner: DropoutClassifier, values: np.ndarray):
    with pytest.raises(ModelError, match="must be 0"):
        learner.fit(Dataset.of(POOL, np.arange(2), values, Assay("bound", goal="classify")), 0)


def test_one_class_alone_is_learned(learner: DropoutClassifier):
    alone = learner.fit(classes(np.flatnonzero(FIT)[:6]), 0)
    assert alone.predict(POOL, EVERY, 0, 0).mean[:, 1].mean() > 0.5


@contextmanager
def hooked(modules: Sequence[torch.nn.Module], masks: Sequence[torch.Tensor]) -> Iterator[None]:
    """Passes as they are written down: each dropout multiplies what enters LoRA, which runs beside its map."""
    handles = [
        module.register_forward_hook(lambda _module, inputs, _output, own=own: inputs[0] * own)
        for module, own in zip(modules, masks, strict=True)
    ]
    yield
    for handle in handles:
        handle.remove()


@pytest.mark.parametrize("last_layers", [1, None])
@pytest.mark.parametrize("pooling", ["mutated", "sites", "mean", "difference"])
def test_a_pass_merged_into_the_weights_is_that_of_lora_beside_them(tiny: str, pooling, last_layers):
    # of several lengths, so that the parent is longer or shorter than a minibatch
    pool = Pool.combinatorial(CHAIN, ["K2", "A4"]) if pooling == "sites" else Pool.of(LENGTHS)
    rows = np.arange(0, len(pool), 40 if pooling == "sites" else 1)
    learner = DropoutClassifier(ESM2(tiny, pooling=pooling), 2, last_layers, plan=TrainingConfig(epochs=3))
    found = learner.fit(Dataset.of(pool, rows, np.arange(len(rows)) % 2.0, Assay("bound", goal="classify")), 0)
    assert isinstance(found, DropoutPasses)
    found.adapted.half = False
    before = {name: p.clone() for name, p in found.adapted.encoder.named_parameters()}
    passes = found.probabilities(pool, rows, 4, 3)
    drops, features, logits = found.adapted.dropouts, found.adapted.pooler.size, np.zeros((3, len(rows)))
    for group, hidden, batch in entering_minibatches(found.adapted, learner.config, pool, rows):
        for t in range(3):
            widths = [module.in_features for module in tuner_layers(found.adapted.encoder)]
            masks = [mask(width, learner.rate, (4, t, i)) for i, width in enumerate(widths)]
            with torch.no_grad(), hooked(drops, masks):
                pooled = found.adapted.above(hidden, batch).numpy()
            dropped = mask(features, learner.rate, (4, t)).numpy() * found.head["weight"]
            standardised = (pooled - found.head["centre"]) / found.head["spread"]
            logits[t, group] = standardised @ dropped + found.head["bias"]
    assert np.ptp(passes, axis=0).min() > 0
    np.testing.assert_allclose(passes, 1 / (1 + np.exp(-logits)), atol=1e-5)
    after = dict(found.adapted.encoder.named_parameters())
    assert all(torch.equal(after[name], weight) for name, weight in before.items())


def test_the_stack_of_a_cell_encoder_runs_every_mask_in_eval_mode():
    encoder = CellEncoder(CellStack(genes=12, width=16, heads=2, inner=32, layers=2)).eval()
    own = set(encoder.modules())
    attached = attach(LoRA(rank=2, dropout=0.2), encoder, 0)
    with torch.no_grad():
        for parameter in attached.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    drops = [m for m in encoder.modules() if isinstance(m, torch.nn.Dropout) and m not in own]
    widths = [module.in_features for module in tuner_layers(encoder)]
    assert len(drops) == len(widths) == 2 * 6
    hidden = torch.randn(3, 5, 16, generator=torch.Generator().manual_seed(1))
    real = torch.ones(3, 5, dtype=torch.bool)
    found = []
    for t in range(2):
        masks = [mask(width, 0.2, (0, t, i)) for i, width in enumerate(widths)]
        with torch.no_grad(), merged(encoder, masks):
            found.append(encoder.run(hidden, real))
        with torch.no_grad(), hooked(drops, masks):
            torch.testing.assert_close(encoder.run(hidden, real), found[-1], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found[0], found[1])


def test_named_with_its_options():
    made = dropout_classifier(passes=5, rate=0.3)
    assert isinstance(made, DropoutClassifier)
    assert (made.passes, made.rate, made.last_layers) == (5, 0.3, 1)
    with pytest.raises((ConfigError, ModelError)):
        dropout_classifier(rate=0.0)
