"""The objective of likelihood ranking: log-likelihood ratios of an adapted model, by which measured variants rank."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import log_softmax

from activeloop.adapters import Adapter
from activeloop.adapters.base import Attached
from activeloop.candidates import Pool
from activeloop.candidates.designs import GAP
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.windows import ResidueTokens, parent_windows
from activeloop.models.finetuning.adapted import attached_copy
from activeloop.models.finetuning.checkpointer import prefixed, unprefixed
from activeloop.models.finetuning.losses import RANKING_LOSSES
from activeloop.models.finetuning.objectives import AdapterObjective
from activeloop.models.gp.mutation_kernel import Mutations, sites_with_parent

#: initial standard deviation of the model's table beside a prior table of 1
INITIAL_SPREAD = 0.3
#: multiplier of the learning rate of temperature and weight
SCALES_RATE = 10.0


class LogOdds:
    """From logits at the sites of a pool to log-odds of mutations, with gradients, as the zero-shot score.

    Args:
        residues: tokens of the sites' alphabet.
        pool: with a parent.
    """

    def __init__(self, residues: ResidueTokens, pool: Pool):
        sites = sites_with_parent(pool)
        assert sites.parent is not None
        self.ids = torch.from_numpy(residues.ids)
        self.known = (self.ids >= 0).any(1)
        self.parent = torch.from_numpy(sites.parent.astype(np.int64))
        self.inserted = torch.tensor([sites.alphabet[code] == GAP for code in sites.parent])
        positions = np.maximum(sites.positions, 1) - 1
        self.own = torch.tensor([sites.alphabet.index(sites.parent_sequence[p]) for p in positions])

    def log_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """[s, k] among the k residues that the model knows, from [s, V]."""
        ids = self.ids[self.known]
        found = logits.float()[:, ids.clamp(min=0)].masked_fill(ids < 0, -torch.inf)
        return log_softmax(found.logsumexp(2), 1)

    def __call__(self, log_probabilities: torch.Tensor, sites: torch.Tensor) -> torch.Tensor:
        """[s, K] of every residue at the given sites, from log-probabilities [s, k] of the known ones."""
        own = torch.cumsum(self.known, 0)[self.own[sites]] - 1
        odds = log_probabilities - log_probabilities.gather(1, own[:, None])
        worst = odds.min(1, keepdim=True).values
        table = worst.expand(-1, len(self.known)).clone()
        table[:, self.known] = torch.where(self.inserted[sites, None], worst, odds)
        return table.scatter(1, self.parent[sites, None], 0.0)


class ResidueReader:
    """Log-probabilities of residues at the sites of the parent, by an adapted model.

    Args:
        foundation: with a masked-language head.
        adapter: which of its weights are trained.
        pool: with a parent.
        masked: mask each site (a pass each); otherwise one pass of the unmasked parent serves all.
        seed: of the adapter's initial weights.
    """

    def __init__(self, foundation: FoundationModel, adapter: Adapter, pool: Pool, masked: bool, seed: int):
        residues = ResidueTokens.of(foundation, sites_with_parent(pool).alphabet)
        self.windows, self.mask, self.masked = parent_windows(foundation, pool), residues.mask, masked
        self.odds = LogOdds(residues, pool)
        self.attached, self.dropouts = attached_copy(foundation.frozen_encoder(), adapter, seed)
        self._cached: tuple[bytes, torch.Tensor] | None = None

    def __call__(self, sites: np.ndarray) -> torch.Tensor:
        """[s, k] log-probabilities of the known residues at some sites."""
        encoder = self.attached.encoder
        hidden = self._entering(sites)
        real = torch.ones(hidden.shape[:2], dtype=torch.bool)
        hidden = encoder.finish(encoder.run(hidden, real, start=max(self.attached.lowest, 0)))
        row = np.arange(len(sites)) if self.masked else self.windows.row[sites]
        return self.odds.log_probabilities(encoder.logits(hidden[row, self.windows.column[sites]]))

    def table(self, sites: np.ndarray) -> torch.Tensor:
        """[s, K] log-odds at some sites."""
        return self.odds(self(sites), torch.from_numpy(sites))

    def drop_cache(self) -> None:
        """The layers below the lowest trained one have changed."""
        self._cached = None

    def _entering(self, sites: np.ndarray) -> torch.Tensor:
        """Activations entering the lowest trained layer; the last ones are cached."""
        key = sites.tobytes() if self.masked else b""
        if self._cached is None or self._cached[0] != key or self.attached.lowest < 0:
            ids = torch.from_numpy(self.windows.masked(self.mask)[sites] if self.masked else self.windows.ids)
            real, encoder = torch.ones(ids.shape, dtype=torch.bool), self.attached.encoder
            with torch.set_grad_enabled(torch.is_grad_enabled() and self.attached.lowest < 0):
                hidden = encoder.run(encoder.embed(ids, real), real, stop=max(self.attached.lowest, 0))
            self._cached = key, hidden
        return self._cached[1]


class Likelihood(AdapterObjective):
    """Ranks candidates by temperature times log-likelihood ratios plus weight times a prior table.

    Args:
        reader: the adapted model.
        pool, rows: the measured candidates.
        targets: [N] values; only their order counts.
        weights: [N] of the values.
        prior: [L, K] a table added with a trained weight; zeros for none.
        by: `pairs` or `list`, see `losses.Ranking`.
        kl_weight: of the mean over sites of the Kullback-Leibler divergence from the frozen model's distribution.
    """

    def __init__(
        self,
        reader: ResidueReader,
        pool: Pool,
        rows: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        prior: np.ndarray,
        by: str,
        kl_weight: float,
    ):
        self.reader, self._ranking, self._kl_weight = reader, RANKING_LOSSES[by], kl_weight
        self._mutations = Mutations.of(pool, rows)
        self._targets, self._weights = (torch.from_numpy(x.astype(np.float32)) for x in (targets, weights))
        touched = np.unique(self._mutations.cell // prior.shape[1])
        self._sites = touched if reader.masked and len(touched) else np.arange(len(prior))
        with torch.no_grad():
            self._frozen = reader(self._sites)
            table = reader.odds(self._frozen, torch.from_numpy(self._sites))
        # the prior table begins with standard deviation 1, the model's with less; training decides its weight
        self._unit, self._prior = 1 / _spread(table), torch.from_numpy(prior.astype(np.float32))
        self._prior = self._prior / _spread(self._prior)
        self.scales = nn.Parameter(torch.tensor([math.log(INITIAL_SPREAD) if prior.any() else 0.0, 0.0]))
        self._outputs_of_step: list[torch.Tensor] = []

    @property
    def attached(self) -> Attached:
        """The adapter."""
        return self.reader.attached

    def encoder_changed(self) -> None:
        """Cached activations are invalid."""
        self.reader.drop_cache()

    def parameters(self) -> list[nn.Parameter]:
        """Of the adapter, and the logarithms of temperature and weight."""
        return [*self.attached.parameters(), self.scales]

    def rates(self) -> list[float]:
        """The adapter's; higher for temperature and weight."""
        return [*self.attached.rates(), SCALES_RATE]

    def outputs(self, which: np.ndarray) -> torch.Tensor:
        """[n] sums over mutations."""
        for module in self.reader.dropouts:
            module.train(True)
        found = self.reader(self._sites)
        for module in self.reader.dropouts:
            module.train(False)
        self._outputs_of_step.append(found)
        return self._sums(self._combined(found))[torch.from_numpy(which)]

    def loss(self, outputs: torch.Tensor, which: np.ndarray) -> torch.Tensor:
        """Negative log-likelihood of the measured order."""
        return self._ranking(outputs, self._targets[which], self._weights[which])

    def penalty(self) -> torch.Tensor | None:
        """Divergence from the frozen model, and the adapter's own."""
        # when a step was done in parts their graphs are gone
        found = self._outputs_of_step[0] if len(self._outputs_of_step) == 1 else self.reader(self._sites)
        self._outputs_of_step = []
        divergence = self._kl_weight * (self._frozen.exp() * (self._frozen - found)).sum(1).mean()
        own = self.attached.penalty()
        return divergence if own is None else divergence + own

    @torch.no_grad()
    def scores(self, which: np.ndarray) -> np.ndarray:
        """[n] sums over mutations."""
        return self._sums(self._combined(self.reader(self._sites)))[torch.from_numpy(which)].numpy()

    @torch.no_grad()
    def table(self) -> np.ndarray:
        """Float32 [L * K] of all sites, by which candidates are scored after training."""
        sites = np.arange(len(self._prior))
        pieces = np.array_split(sites, -(-len(sites) // 64)) if self.reader.masked else [sites]
        odds = torch.cat([self.reader.table(piece) for piece in pieces])
        temperature, weight = self.scales.exp()
        return (temperature * self._unit * odds + weight * self._prior).flatten().numpy()

    def state(self) -> dict[str, torch.Tensor]:
        """Of the adapter and the two scales."""
        return {**prefixed("adapter", self.attached.state()), "scales": self.scales.detach()}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`."""
        self.attached.load(unprefixed("adapter", state))
        self.reader.drop_cache()
        with torch.no_grad():
            self.scales.copy_(state["scales"])

    def _combined(self, log_probabilities: torch.Tensor) -> torch.Tensor:
        """[L, K] of the sites that are trained on; zeros elsewhere."""
        sites = torch.from_numpy(self._sites)
        temperature, weight = self.scales.exp()
        rows = temperature * self._unit * self.reader.odds(log_probabilities, sites) + weight * self._prior[sites]
        return torch.zeros_like(self._prior).index_copy(0, sites, rows)

    def _sums(self, table: torch.Tensor) -> torch.Tensor:
        """[N] over the mutations of each measured candidate."""
        owner, cell = (torch.from_numpy(x.astype(np.int64)) for x in (self._mutations.owner, self._mutations.cell))
        return table.new_zeros(self._mutations.count).index_add(0, owner, table.flatten()[cell])


def _spread(table: torch.Tensor) -> float:
    """Standard deviation of the mutations in a table (1 when all are equal)."""
    moved = table[table != 0]
    found = float(moved.std()) if moved.numel() > 1 else 0.0
    return found if found > 1e-6 else 1.0
