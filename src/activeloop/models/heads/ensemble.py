"""An ensemble of heads, each fitted to another resampling of the measured candidates."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from activeloop.errors import ModelError
from activeloop.models.ensemble import left_out, seen
from activeloop.models.heads.base import Draws, Functions, Inputs, Posterior
from activeloop.models.heads.laplace import LastLayer
from activeloop.models.heads.linear import refuse_without_spread


@dataclass(frozen=True)
class HeadEnsemble(Draws):
    """Several posteriors of one kind; a draw is a draw of one of them.

    Each member sees either a bootstrap of the measured candidates or all but a part of them. Its spread is the spread
    within the members and that between them, so it stays honest where the model of a single head is wrong.

    Args:
        of: the kind of posterior.
        members: how many.
        resampling: `bootstrap` (candidates drawn with replacement) or `folds` (each leaves out its share).

    Source: Huggins and Miller 2019, arXiv:1912.07104 (bagged posteriors).
    """

    of: Draws = field(default_factory=LastLayer)
    members: int = 10
    resampling: Literal["bootstrap", "folds"] = "folds"

    def __post_init__(self):
        if self.members < 2:
            raise ModelError(f"An ensemble of {self.members} says nothing of its spread. Give it 2 members or more.")

    @property
    def name(self) -> str:
        """`ensemble-` and the name of its members."""
        return f"ensemble-{self.of.name}"

    def fit(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> EnsemblePosterior:
        """Fit every member."""
        times = self._times(len(targets), np.random.default_rng(seed))
        parts, outputs = [], np.zeros(times.shape)
        for member, counts in enumerate(times):
            on = np.flatnonzero(counts)
            part = Inputs(inputs.features[on], inputs.guess[on])
            parts.append(self.of.fit(part, targets[on], (weights * counts)[on], seed + member))
            outputs[member] = parts[-1].mean(inputs)
        posterior = EnsemblePosterior(tuple(parts), left_out(outputs, times))
        refuse_without_spread(posterior.marginals(inputs)[1], targets, self.name)
        return posterior

    def settled(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> HeadEnsemble:
        """Members with the scales that one of them learns from all candidates."""
        return replace(self, of=self.of.settled(inputs, targets, weights, seed))

    def _times(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """[M, N] how often each member sees each candidate; every member sees at least one."""
        if self.resampling == "folds":
            return seen(self.members, count, 1 - 1 / self.members, rng)
        return rng.multinomial(count, np.full(count, 1 / count), size=self.members).astype(np.float64)

    def restore(self, state: dict[str, np.ndarray]) -> EnsemblePosterior:
        """The posterior that gave this state."""
        states: list[dict[str, np.ndarray]] = [{} for _ in range(self.members)]
        for key, value in state.items():
            member, slash, name = key.partition("/")
            if slash:
                states[int(member)][name] = value
        return EnsemblePosterior(tuple(self.of.restore(part) for part in states), state["unseen"])


class EnsemblePosterior(Posterior):
    """The members.

    Args:
        parts: M posteriors.
        unseen: [N] what members that did not see a candidate say of it; NaN where all have seen it.
    """

    def __init__(self, parts: tuple[Posterior, ...], unseen: np.ndarray):
        self._parts, self._unseen = parts, unseen
        self.noise = float(np.sqrt(np.mean([part.noise**2 for part in parts])))

    def mean(self, inputs: Inputs) -> np.ndarray:
        """[n] that of the members' means."""
        return np.mean([part.mean(inputs) for part in self._parts], axis=0)

    def marginals(self, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
        """Mean of the members, and the spread within and between them."""
        means, spreads = (np.array(x) for x in zip(*(part.marginals(inputs) for part in self._parts), strict=True))
        return means.mean(0), np.sqrt(np.square(spreads).mean(0) + means.var(0))

    def functions(self, seed: int, count: int) -> Functions:
        """Members take turns, in an order that the seed shuffles anew for every turn."""
        order = np.concatenate([turn_order(len(self._parts), seed, t) for t in range(1 + count // len(self._parts))])
        places = [np.flatnonzero(order[:count] == member) for member in range(len(self._parts))]
        own = [part.functions(seed + 1_000_003 * m, len(places[m])) for m, part in enumerate(self._parts)]

        def drawn(inputs: Inputs) -> np.ndarray:
            result = np.zeros((count, len(inputs)), np.float32)
            for place, functions in zip(places, own, strict=True):
                result[place] = functions(inputs)
            return result

        return drawn

    def held_out(self) -> np.ndarray:
        """[N] what members that did not see a candidate say of it."""
        return self._unseen

    def state(self) -> dict[str, np.ndarray]:
        """Those of the members, under `0/`, `1/` ..."""
        states = {f"{i}/{key}": value for i, part in enumerate(self._parts) for key, value in part.state().items()}
        return states | {"unseen": self._unseen}


def turn_order(members: int, seed: int, turn: int) -> np.ndarray:
    """[M] the members in the order of one turn.

    >>> sorted(turn_order(3, 0, 1).tolist())
    [0, 1, 2]
    """
    return np.random.default_rng([seed, turn]).permutation(members)
