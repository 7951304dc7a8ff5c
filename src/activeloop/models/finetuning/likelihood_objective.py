"""A model in training whose own log-likelihood ratios rank the measured variants."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import log_softmax

from activeloop.adapters import Adapter, attach
from activeloop.candidates import Pool
from activeloop.candidates.designs import GAP
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.encoder import sharing
from activeloop.foundation.windows import ResidueTokens, parent_windows
from activeloop.models.finetuning import ranking as orders
from activeloop.models.finetuning.checkpointer import below, prefixed
from activeloop.models.finetuning.objectives import TrainingObjective
from activeloop.models.gp.mutation_kernel import Mutations, sites_with_parent

#: spread with which the model's table begins beside a fixed one of spread 1
BESIDE = 0.3
#: by how much the rates of temperature and weight are multiplied
FASTER = 10.0
LOSSES = {"pairs": orders.pairs, "list": orders.whole_list}


class Odds:
    """From logits at the sites of a pool to log-odds of mutations, with gradients: `zero_shot_chain.log_odds`.

    Args:
        spelling: of the sites' alphabet.
        pool: with a parent.
    """

    def __init__(self, spelling: ResidueTokens, pool: Pool):
        sites = sites_with_parent(pool)
        assert sites.parent is not None
        self.ids = torch.from_numpy(spelling.ids)
        self.known = (self.ids >= 0).any(1)
        self.parent = torch.from_numpy(sites.parent.astype(np.int64))
        self.inserted = torch.tensor([sites.alphabet[code] == GAP for code in sites.parent])
        places = np.maximum(sites.positions, 1) - 1
        self.own = torch.tensor([sites.alphabet.index(sites.parent_sequence[p]) for p in places])

    def letters(self, logits: torch.Tensor) -> torch.Tensor:
        """[s, k] log-probabilities among the k letters that the model knows, from [s, V]."""
        ids = self.ids[self.known]
        found = logits.float()[:, ids.clamp(min=0)].masked_fill(ids < 0, -torch.inf)
        return log_softmax(found.logsumexp(2), 1)

    def __call__(self, letters: torch.Tensor, sites: torch.Tensor) -> torch.Tensor:
        """[s, K] log-odds of every letter at the given sites, from log-probabilities [s, k] of the known ones."""
        own = torch.cumsum(self.known, 0)[self.own[sites]] - 1
        odds = letters - letters.gather(1, own[:, None])
        worst = odds.min(1, keepdim=True).values
        table = worst.expand(-1, len(self.known)).clone()
        table[:, self.known] = torch.where(self.inserted[sites, None], worst, odds)
        return table.scatter(1, self.parent[sites, None], 0.0)


class Reader:
    """An adapted model that reads the parent, each site hidden or not.

    Args:
        foundation: with a masked-language head.
        adapter: what of it learns.
        pool: with a parent.
        hidden: whether each site is hidden when it is asked for (a pass each), or one pass serves all.
        seed: of the adapter's first weights.
    """

    def __init__(self, foundation: FoundationModel, adapter: Adapter, pool: Pool, hidden: bool, seed: int):
        spelling = ResidueTokens.of(foundation, sites_with_parent(pool).alphabet)
        self.windows, self.mask, self.hidden = parent_windows(foundation, pool), spelling.mask, hidden
        self.odds = Odds(spelling, pool)
        encoder = sharing(foundation.frozen_encoder())
        present = {id(module) for module in encoder.modules()}
        self.attached = attach(adapter, encoder, seed)
        # the model's own dropout stays off: the adapter's is what was asked for
        self.dropouts = [m for m in encoder.modules() if isinstance(m, nn.Dropout) and id(m) not in present]
        self._below: tuple[bytes, torch.Tensor] | None = None

    def __call__(self, sites: np.ndarray) -> torch.Tensor:
        """[s, k] log-probabilities of the known letters at some sites."""
        encoder = self.attached.encoder
        states = self._entering(sites)
        real = torch.ones(states.shape[:2], dtype=torch.bool)
        states = encoder.finish(encoder.run(states, real, start=max(self.attached.lowest, 0)))
        row = np.arange(len(sites)) if self.hidden else self.windows.row[sites]
        return self.odds.letters(encoder.logits(states[row, self.windows.column[sites]]))

    def table(self, sites: np.ndarray) -> torch.Tensor:
        """[s, K] log-odds at some sites."""
        return self.odds(self(sites), torch.from_numpy(sites))

    def forget(self) -> None:
        """The layers below the lowest learning one are others now."""
        self._below = None

    def _entering(self, sites: np.ndarray) -> torch.Tensor:
        """States that enter the lowest learning layer; those asked for last are kept."""
        key = sites.tobytes() if self.hidden else b""
        if self._below is None or self._below[0] != key or self.attached.lowest < 0:
            ids = torch.from_numpy(self.windows.masked(self.mask)[sites] if self.hidden else self.windows.ids)
            real, encoder = torch.ones(ids.shape, dtype=torch.bool), self.attached.encoder
            with torch.set_grad_enabled(torch.is_grad_enabled() and self.attached.lowest < 0):
                states = encoder.run(encoder.embed(ids, real), real, stop=max(self.attached.lowest, 0))
            self._below = key, states
        return self._below[1]


class Likelihood(TrainingObjective):
    """Ranks candidates by a temperature times log-likelihood ratios plus a weight times a fixed table.

    Args:
        reader: the adapted model.
        pool, rows: the measured candidates.
        targets: [N] values; only their order counts.
        weights: [N] of the values.
        prior: [L, K] a table that is added with a weight that is learnt; zeros for none.
        by: `pairs` or `list`, see `finetuning.orders`.
        near: how much it costs to depart from the frozen model: times the mean over sites of the Kullback-Leibler
            divergence from what that thought of the letters.
    """

    def __init__(
        self,
        reader: Reader,
        pool: Pool,
        rows: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        prior: np.ndarray,
        by: str,
        near: float,
    ):
        self.reader, self._by, self._near = reader, by, near
        self._mutations = Mutations.of(pool, rows)
        self._targets, self._weights = (torch.from_numpy(x.astype(np.float32)) for x in (targets, weights))
        self._letters = prior.shape[1]
        touched = np.unique(self._mutations.cell // self._letters)
        self._sites = touched if reader.hidden and len(touched) else np.arange(len(prior))
        with torch.no_grad():
            self._frozen = reader(self._sites)
            table = reader.odds(self._frozen, torch.from_numpy(self._sites))
        # the fixed table begins with a spread of 1, and the model's beside it with less: it has to earn its weight
        self._unit, self._prior = 1 / spread(table), torch.from_numpy(prior.astype(np.float32))
        self._prior = self._prior / spread(self._prior)
        self.scales = nn.Parameter(torch.tensor([math.log(BESIDE) if prior.any() else 0.0, 0.0]))
        self._now: list[torch.Tensor] = []

    def parameters(self) -> list[nn.Parameter]:
        """Of the adapter, and the logarithms of temperature and weight."""
        return [*self.reader.attached.parameters(), self.scales]

    def rates(self) -> list[float]:
        """As the adapter wants them; two numbers may move faster than matrices."""
        return [*self.reader.attached.rates(), FASTER]

    def outputs(self, which: np.ndarray) -> torch.Tensor:
        """[n] sums over mutations."""
        for module in self.reader.dropouts:
            module.train(True)
        letters = self.reader(self._sites)
        for module in self.reader.dropouts:
            module.train(False)
        self._now.append(letters)
        return self._sums(self._combined(letters))[torch.from_numpy(which)]

    def loss(self, outputs: torch.Tensor, which: np.ndarray) -> torch.Tensor:
        """Minus the log probability of the measured order."""
        return LOSSES[self._by](outputs, self._targets[which], self._weights[which])

    def penalty(self) -> torch.Tensor | None:
        """How far it is from the frozen model, and the adapter's own."""
        # when a step was done in parts their graphs are gone
        letters = self._now[0] if len(self._now) == 1 else self.reader(self._sites)
        self._now = []
        away = self._near * (self._frozen.exp() * (self._frozen - letters)).sum(1).mean()
        own = self.reader.attached.penalty()
        return away if own is None else away + own

    @torch.no_grad()
    def scores(self, which: np.ndarray) -> np.ndarray:
        """[n] sums over mutations."""
        return self._sums(self._combined(self.reader(self._sites)))[torch.from_numpy(which)].numpy()

    @torch.no_grad()
    def table(self) -> np.ndarray:
        """Float32 [L * K] of all sites: what candidates are scored by from now on."""
        sites = np.arange(len(self._prior))
        pieces = np.array_split(sites, -(-len(sites) // 64)) if self.reader.hidden else [sites]
        odds = torch.cat([self.reader.table(piece) for piece in pieces])
        temperature, weight = self.scales.exp()
        return (temperature * self._unit * odds + weight * self._prior).flatten().numpy()

    def after_backward(self) -> None:
        """Told to the adapter."""
        self.reader.attached.after_backward()

    def after_step(self, step: int, steps: int) -> bool:
        """Told to the adapter."""
        changed = self.reader.attached.after_step(step, steps)
        if changed:
            self.reader.forget()
        return changed

    def state(self) -> dict[str, torch.Tensor]:
        """Of the adapter and the two scales."""
        return {**prefixed("adapter", self.reader.attached.state()), "scales": self.scales.detach()}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`."""
        self.reader.attached.load(below("adapter", state))
        self.reader.forget()
        with torch.no_grad():
            self.scales.copy_(state["scales"])

    def progress(self) -> dict[str, torch.Tensor]:
        """The adapter's."""
        return self.reader.attached.progress()

    def resume(self, progress: dict[str, torch.Tensor]) -> None:
        """Told to the adapter."""
        self.reader.attached.resume(progress)

    def _combined(self, letters: torch.Tensor) -> torch.Tensor:
        """[L, K] of the sites that are trained on; zeros elsewhere."""
        sites = torch.from_numpy(self._sites)
        temperature, weight = self.scales.exp()
        rows = temperature * self._unit * self.reader.odds(letters, sites) + weight * self._prior[sites]
        return torch.zeros_like(self._prior).index_copy(0, sites, rows)

    def _sums(self, table: torch.Tensor) -> torch.Tensor:
        """[N] over the mutations of each measured candidate."""
        owner, cell = (torch.from_numpy(x.astype(np.int64)) for x in (self._mutations.owner, self._mutations.cell))
        return table.new_zeros(self._mutations.count).index_add(0, owner, table.flatten()[cell])


def spread(table: torch.Tensor) -> float:
    """Of the mutations in a table (1 when all are alike)."""
    moved = table[table != 0]
    found = float(moved.std()) if moved.numel() > 1 else 0.0
    return found if found > 1e-6 else 1.0
