"""Fine-tuned models that predict: adapter and posterior of each member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from activeloop.candidates import Pool
from activeloop.foundation.devices import minibatch_tokens
from activeloop.foundation.identity import check_identity, identity
from activeloop.foundation.pooling import Batch
from activeloop.measurements import Dataset
from activeloop.models.base import choose_members
from activeloop.models.finetuning.adapted import AdaptedEncoder
from activeloop.models.finetuning.inputs import guesses, read
from activeloop.models.finetuning.plan import Cost
from activeloop.models.finetuning.pool_states import PARENT
from activeloop.models.heads.base import HeadInputs, Posterior
from activeloop.models.out_of_fold import OutOfFoldSd
from activeloop.models.transforms import Scale
from activeloop.prediction import FastMean, Prediction, Predictor

if TYPE_CHECKING:
    from activeloop.models.finetuning.learner import FineTuner


@dataclass(frozen=True)
class FineTunedMember:
    """A model after training.

    Args:
        adapted: the network.
        posterior: on its features.
        steps: of training that led to it.
        cost: of its training.
        said: [2, n] mean and spread of what it says, in the assay's unit, of the measured candidates that it was not
            trained on.
    """

    adapted: AdaptedEncoder
    posterior: Posterior
    steps: int
    cost: Cost
    said: np.ndarray

    def state(self) -> dict[str, np.ndarray]:
        """Arrays of adapter, posterior and record."""
        model = {f"model/{name}": tensor.detach().cpu().numpy() for name, tensor in self.adapted.state().items()}
        head = {f"head/{name}": array for name, array in self.posterior.state().items()}
        return {**model, **head, "record": np.array([self.steps, *self.cost.numbers()])}

    @classmethod
    def restored(cls, learner: FineTuner, pool: Pool, seed: int, state: dict[str, np.ndarray]) -> FineTunedMember:
        """The counterpart of `state`."""
        adapted = AdaptedEncoder(learner.encoder, learner.adapter, pool, seed)
        model, head = (
            {k[6:] if p == "model/" else k[5:]: v for k, v in state.items() if k.startswith(p)}
            for p in ("model/", "head/")
        )
        adapted.load({name: torch.from_numpy(np.array(array)) for name, array in model.items()})
        steps, *cost = state["record"].tolist()
        return cls(adapted, learner.draws.restore(head), int(steps), Cost.of(cost), np.zeros((2, 0)))


#: rows of a pool that are read at once
PIECE = 4096
#: between the seeds of two members
STRIDE = 7919


@dataclass(frozen=True)
class FineTunedPredictor(Predictor, OutOfFoldSd, FastMean):
    """What a fine-tuned learner became.

    Args:
        learner: its settings.
        pool: it was trained on.
        members: the models.
        scale: from targets to the assay's unit.
        unseen: [2, N] what the model that did not see a measured candidate says of it, and how sure it is; NaN where
            all have seen it.
    """

    learner: FineTuner
    pool: Pool
    members: tuple[FineTunedMember, ...]
    scale: Scale
    unseen: np.ndarray

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Mean and spread of all models; a draw is one of the functions that one of them allows."""
        rows = np.asarray(rows, np.int64)
        of = choose_members(len(self.members), draws, seed)
        means, spreads = np.zeros((2, len(self.members), len(rows)))
        joint = np.zeros((draws, len(rows)), np.float32)
        counts = np.bincount(of, minlength=len(self.members))
        functions = [m.posterior.functions(seed + k, int(counts[k])) for k, m in enumerate(self.members)]
        for at, features, guess in self._pieces(pool, rows):
            for k, member in enumerate(self.members):
                inputs = HeadInputs(features[k], guess)
                means[k, at], spreads[k, at] = member.posterior.marginals(inputs)
                joint[of == k, at] = functions[k](inputs)
        return self._prediction(means, spreads, joint)

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, 1] the mean of all models."""
        means = [
            np.mean(
                [m.posterior.mean(HeadInputs(f, guess)) for m, f in zip(self.members, features, strict=True)], axis=0
            )
            for _, features, guess in self._pieces(pool, np.asarray(rows, np.int64))
        ]
        return self.learner.head.bounded(self.scale.to_value(np.concatenate([np.zeros(0), *means])))[:, None]

    def explain(self) -> str:
        """What was trained, for how long, and at what cost."""
        first = self.members[0].adapted
        share = sum(p.numel() for p in first.parameters()) / sum(p.numel() for p in first.encoder.parameters())
        steps = [m.steps for m in self.members]
        cost = sum((m.cost for m in self.members), Cost())
        many = f"{len(self.members)} models, each without a fold" if len(self.members) > 1 else "One model"
        return (
            f"{many}: {self.learner.adapter.name} in {self.learner.encoder.name} ({share:.2%} of its numbers) and "
            f"{self.learner.draws.name}, on {self.unseen.shape[1]} candidates; {min(steps)} to {max(steps)} steps, "
            f"{cost.describe()}."
        )

    def held_out(self) -> np.ndarray:
        """[N] by models that did not see the candidate."""
        return self.unseen[0]

    def held_out_spread(self) -> np.ndarray:
        """[N] of those models, each on its own."""
        return self.unseen[1]

    def state(self) -> dict[str, np.ndarray]:
        """Adapters, posteriors, scale, what was said of unseen candidates, and which weights the adapters belong to."""
        own = {"scale": np.array([self.scale.shift, self.scale.factor]), "unseen": self.unseen}
        own |= identity(self.learner.encoder, self.learner.prior_score)
        for k, member in enumerate(self.members):
            own |= {f"{k}/{name}": array for name, array in member.state().items()}
        return own

    def _prediction(self, means: np.ndarray, spreads: np.ndarray, joint: np.ndarray) -> Prediction:
        """From targets [K, N] and draws [S, N] to the assay's unit."""
        mean = means.mean(0)
        sd = np.sqrt((spreads**2 + (means - mean) ** 2).mean(0)) * self.scale.factor
        noise = np.sqrt(np.mean([m.posterior.noise**2 for m in self.members])) * self.scale.factor
        bounded = self.learner.head.bounded
        draws = bounded((self.scale.shift + self.scale.factor * joint).astype(np.float32))
        return Prediction(
            draws[:, :, None], bounded(self.scale.to_value(mean))[:, None], sd[:, None], np.array([noise])
        )

    def _pieces(self, pool: Pool, rows: np.ndarray):
        """Places in `rows`, features [K, n, P] and guesses [n, G], a bounded piece at a time."""
        for start in range(0, len(rows), PIECE):
            piece = rows[start : start + PIECE]
            features = features_of([m.adapted for m in self.members], self.learner, pool, piece)
            yield slice(start, start + len(piece)), features, guesses(self.learner.prior_score, pool, piece)
            if self.learner.reading is not None:
                self.learner.reading(start + len(piece), len(rows))


@torch.inference_mode()
def features_of(models: list[AdaptedEncoder], learner: FineTuner, pool: Pool, rows: np.ndarray) -> np.ndarray:
    """Float32 [K, n, P] of rows; frozen layers that models share are run once for all of them."""
    tokens = read(learner.encoder, pool, rows)
    first = models[0]
    same = [model is first or same_below(model, first) for model in models]
    features = np.zeros((len(models), len(rows), first.pooler.size), np.float32)
    candidates = tokens.take(np.arange(len(rows))) if first.compares else tokens
    for group in candidates.buckets(minibatch_tokens(first.device)):
        which = np.append(group, len(tokens) - 1) if first.compares else group
        batch = Batch.of(tokens.take(which), first.device)
        named = [*rows[group].tolist(), *[PARENT] * first.compares]
        shared = learner.states.entering(pool, first, named, batch)
        for k, model in enumerate(models):
            hidden = shared if same[k] else model.entering(batch)
            features[k, group] = model.above(hidden, batch).cpu().numpy()
    return features


def same_below(a: AdaptedEncoder, b: AdaptedEncoder) -> bool:
    """Whether two models have the same frozen layers below what learns."""
    if (a.lowest, a.half) != (b.lowest, b.half) or a.lowest < 0:
        return False
    below_a, below_b = (m.encoder.layers[: m.lowest].parameters() for m in (a, b))
    return all(p.data_ptr() == q.data_ptr() for p, q in zip(below_a, below_b, strict=True))


def restored(learner: FineTuner, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> FineTunedPredictor:
    """The models of a stored state.

    Raises:
        StateError: they belong to other pretrained weights.
    """
    check_identity(state, learner.encoder, learner.prior_score)
    parts: dict[str, dict[str, np.ndarray]] = {}
    for name, array in state.items():
        member, _, rest = name.partition("/")
        parts.setdefault(member, {})[rest] = array
    members = tuple(
        FineTunedMember.restored(learner, dataset.pool, seed + STRIDE * k, parts[str(k)])
        for k in range(learner.members)
    )
    return FineTunedPredictor(learner, dataset.pool, members, Scale(*map(float, state["scale"])), state["unseen"])
