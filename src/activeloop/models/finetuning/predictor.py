"""Fine-tuned models that predict: adapter and posterior of each member."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.foundation.devices import minibatch_tokens
from activeloop.foundation.identity import check_identity, identity
from activeloop.foundation.pooling import Batch
from activeloop.measurements import Dataset
from activeloop.models.base import choose_members, substate
from activeloop.models.finetuning.adapted import AdaptedEncoder, tokens_of
from activeloop.models.finetuning.config import SEED_STRIDE, FineTuningConfig
from activeloop.models.finetuning.cost import Cost
from activeloop.models.finetuning.pool_cache import PARENT
from activeloop.models.heads.base import HeadInputs, Posterior
from activeloop.models.out_of_fold import OutOfFoldSd
from activeloop.models.transforms import Scale
from activeloop.prediction import FastMean, Prediction, Predictor

#: rows of a pool that are predicted at once
PIECE = 4096


@dataclass(frozen=True)
class FineTunedMember:
    """A model after training.

    Args:
        adapted: the network.
        posterior: on its features.
        steps: of training to its best state.
        cost: of its training.
        out_of_fold: [2, n] mean and standard deviation, in the assay's unit, for the fold it was not trained on.
    """

    adapted: AdaptedEncoder
    posterior: Posterior
    steps: int
    cost: Cost
    out_of_fold: np.ndarray

    def state(self) -> dict[str, np.ndarray]:
        """Arrays of adapter, posterior and record."""
        model = {f"model/{name}": tensor.detach().cpu().numpy() for name, tensor in self.adapted.state().items()}
        head = {f"head/{name}": array for name, array in self.posterior.state().items()}
        return {**model, **head, "record": np.array([self.steps, *self.cost.numbers()])}

    @classmethod
    def restored(cls, config: FineTuningConfig, pool: Pool, seed: int, state: dict[str, np.ndarray]) -> FineTunedMember:
        """The counterpart of `state`."""
        adapted = AdaptedEncoder(config.encoder, config.adapter, pool, seed)
        adapted.load({name: torch.from_numpy(np.array(array)) for name, array in substate(state, "model/").items()})
        posterior = config.head.restore(substate(state, "head/"))
        steps, *cost = state["record"].tolist()
        return cls(adapted, posterior, int(steps), Cost.of(cost), np.zeros((2, 0)))


@dataclass(frozen=True)
class FineTunedPredictor(Predictor, OutOfFoldSd, FastMean):
    """The members of a fine-tuned learner.

    Args:
        learner: its settings.
        pool: it was trained on.
        members: the models.
        scale: from targets to the assay's unit.
        out_of_fold: [2, N] out-of-fold mean and standard deviation of each measured candidate; NaN where there is no
            model that left it out.
    """

    learner: FineTuningConfig
    pool: Pool
    members: tuple[FineTunedMember, ...]
    scale: Scale
    out_of_fold: np.ndarray

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Mean and standard deviation over all models; each joint sample is a function from one model's posterior."""
        rows = np.asarray(rows, np.int64)
        of = choose_members(len(self.members), draws, seed)
        means, spreads = np.zeros((2, len(self.members), len(rows)))
        joint = np.zeros((draws, len(rows)), np.float32)
        counts = np.bincount(of, minlength=len(self.members))
        functions = [m.posterior.functions(seed + k, int(counts[k])) for k, m in enumerate(self.members)]
        for at, inputs in self._pieces(pool, rows):
            for k, member in enumerate(self.members):
                means[k, at], spreads[k, at] = member.posterior.marginals(inputs[k])
                joint[of == k, at] = functions[k](inputs[k])
        return self._prediction(means, spreads, joint)

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, 1] mean over all models."""
        means = [
            np.mean([m.posterior.mean(i) for m, i in zip(self.members, inputs, strict=True)], axis=0)
            for _, inputs in self._pieces(pool, np.asarray(rows, np.int64))
        ]
        return self.learner.loss.bounded(self.scale.to_value(np.concatenate([np.zeros(0), *means])))[:, None]

    def explain(self) -> str:
        """What was trained, for how long, and at what cost."""
        first = self.members[0].adapted
        share = sum(p.numel() for p in first.parameters()) / sum(p.numel() for p in first.encoder.parameters())
        steps = [m.steps for m in self.members]
        cost = sum((m.cost for m in self.members), Cost())
        models = f"{len(self.members)} models, each without a fold" if len(self.members) > 1 else "One model"
        return (
            f"{models}: {self.learner.adapter.name} in {self.learner.encoder.name} ({share:.2%} of its parameters) and "
            f"{self.learner.head.name}, on {self.out_of_fold.shape[1]} candidates; {min(steps)} to {max(steps)} steps, "
            f"{cost.describe()}."
        )

    def held_out(self) -> np.ndarray:
        """[N] out-of-fold means."""
        return self.out_of_fold[0]

    def held_out_sd(self) -> np.ndarray:
        """[N] out-of-fold standard deviations, each of one model."""
        return self.out_of_fold[1]

    def state(self) -> dict[str, np.ndarray]:
        """Adapters, posteriors, scale, out-of-fold predictions, and the identity of the pretrained weights."""
        own = {"scale": np.array([self.scale.shift, self.scale.factor]), "unseen": self.out_of_fold}
        own |= identity(self.learner.encoder, self.learner.prior_score)
        for k, member in enumerate(self.members):
            own |= {f"{k}/{name}": array for name, array in member.state().items()}
        return own

    def _prediction(self, means: np.ndarray, spreads: np.ndarray, joint: np.ndarray) -> Prediction:
        """From targets [K, N] and joint samples [S, N] to the assay's unit."""
        mean = means.mean(0)
        sd = np.sqrt((spreads**2 + (means - mean) ** 2).mean(0)) * self.scale.factor
        noise = np.sqrt(np.mean([m.posterior.noise**2 for m in self.members])) * self.scale.factor
        bounded = self.learner.loss.bounded
        draws = bounded((self.scale.shift + self.scale.factor * joint).astype(np.float32))
        return Prediction(
            draws[:, :, None], bounded(self.scale.to_value(mean))[:, None], sd[:, None], np.array([noise])
        )

    def _pieces(self, pool: Pool, rows: np.ndarray) -> Iterator[tuple[slice, list[HeadInputs]]]:
        """Where in `rows`, and the inputs of each member's posterior, a bounded piece at a time."""
        for start in range(0, len(rows), PIECE):
            piece = rows[start : start + PIECE]
            features = features_of([m.adapted for m in self.members], self.learner, pool, piece)
            prior = prior_features(self.learner.prior_score, pool, piece)
            yield slice(start, start + len(piece)), [HeadInputs(own, prior) for own in features]
            if self.learner.prediction_progress is not None:
                self.learner.prediction_progress(start + len(piece), len(rows))


def restored(config: FineTuningConfig, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> FineTunedPredictor:
    """The models of a stored state.

    Raises:
        StateError: they belong to other pretrained weights.
    """
    check_identity(state, config.encoder, config.prior_score)
    members = tuple(
        FineTunedMember.restored(config, dataset.pool, seed + SEED_STRIDE * k, substate(state, f"{k}/"))
        for k in range(config.members)
    )
    return FineTunedPredictor(config, dataset.pool, members, Scale(*map(float, state["scale"])), state["unseen"])


def prior_features(prior_score: Encoder | None, pool: Pool, rows: np.ndarray) -> np.ndarray:
    """[n, G] prior means of rows; G is 0 without a prior score."""
    return np.zeros((len(rows), 0), np.float32) if prior_score is None else prior_score.features(pool, rows)


@torch.inference_mode()
def features_of(models: list[AdaptedEncoder], config: FineTuningConfig, pool: Pool, rows: np.ndarray) -> np.ndarray:
    """Float32 [K, n, P] of rows; frozen layers that models share are run once for all of them."""
    first = models[0]
    same = [model is first or _same_lower_layers(model, first) for model in models]
    features = np.zeros((len(models), len(rows), first.pooler.size), np.float32)
    for group, shared, batch in entering_minibatches(first, config, pool, rows):
        for k, model in enumerate(models):
            hidden = shared if same[k] else model.entering(batch)
            features[k, group] = model.above(hidden, batch).cpu().numpy()
    return features


def entering_minibatches(
    model: AdaptedEncoder, config: FineTuningConfig, pool: Pool, rows: np.ndarray
) -> Iterator[tuple[np.ndarray, torch.Tensor, Batch]]:
    """Minibatches of rows of similar lengths: which they are, and the activations entering the lowest trained layer."""
    tokens = tokens_of(config.encoder, pool, rows)
    candidates = tokens.take(np.arange(len(rows))) if model.needs_parent else tokens
    for group in candidates.buckets(minibatch_tokens(model.device)):
        which = np.append(group, len(tokens) - 1) if model.needs_parent else group
        batch = Batch.of(tokens.take(which), model.device)
        keys = [*rows[group].tolist(), *[PARENT] * model.needs_parent]
        yield group, config.cache.entering(pool, model, keys, batch), batch


def _same_lower_layers(a: AdaptedEncoder, b: AdaptedEncoder) -> bool:
    """Whether two models share the memory of all layers below the trained ones."""
    if (a.lowest, a.half) != (b.lowest, b.half) or a.lowest < 0:
        return False
    of_a, of_b = (m.encoder.layers[: m.lowest].parameters() for m in (a, b))
    return all(p.data_ptr() == q.data_ptr() for p, q in zip(of_a, of_b, strict=True))
