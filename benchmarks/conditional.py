"""Conditional adapters on GDSC: a frozen encoder of cells, steered by a drug's structure, on new drugs and new lines.

No pretrained cell encoder can be had offline, so a small one of scGPT's shape is pretrained here, on the expression of
the lines alone (masked bins), and frozen. Beside it stand the cell mean and kernel methods on the same inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch.nn import functional

from activeloop.adapters import Conditional, attach
from activeloop.adapters.conditional import ConditionalAttached
from activeloop.cli.terminal import say
from activeloop.errors import NotationError
from activeloop.foundation.cell_encoder import CellEncoder, CellStack
from activeloop.foundation.expression import value_bins
from activeloop.tables import read_table
from benchmarks.options import OUT
from benchmarks.results import Result, markdown_table, mean_se, section

#: genes that an encoder sees, numbers of a drug, share of drugs and lines held out, similarity of a twin
GENES, CONDITION, HELD_OUT, TWIN = 64, 32, 0.2, 0.85
WIDTH, BOTTLENECK = 64, 8
PRETRAINING, STEPS = 300, 1500
DATA = typer.Option(
    "--data", metavar="DIR", help="Files with the columns of response.csv.gz, drugs.csv.gz, ccle_expression*."
)


@dataclass(frozen=True)
class Data:
    """Responses, and what is known of drugs and lines.

    Args:
        values: [D, L] ln IC50, negated: sensitive lines have large values; NaN where not measured.
        bins: [L, GENES] bins of the most variable genes, and `expression` [L, G] standardised.
        similarity: [D, D] Tanimoto similarity of Morgan fingerprints; `embedding` [D, CONDITION] its principal parts.
    """

    values: np.ndarray
    bins: np.ndarray
    genes: np.ndarray
    expression: np.ndarray
    similarity: np.ndarray
    embedding: np.ndarray


@lru_cache
def read(folder: Path) -> Data:
    """The drugs with a structure, on the lines with expression."""
    from rdkit.DataStructs import BulkTanimotoSimilarity

    drugs = read_table(folder / "drugs.csv.gz")
    prints = {}
    for number, smiles in zip(drugs.column("drug_id"), drugs.column("smiles"), strict=True):
        if smiles and (found := _fingerprint(smiles)) is not None:
            prints[number] = found
    expression = read_table(next(iter(sorted(folder.glob("ccle_expression*")))))
    lines = {name: i for i, name in enumerate(expression.columns[0])}
    matrix = np.stack([expression.values(name) for name in expression.header[1:]], 1)
    response = read_table(folder / "response.csv.gz")
    rows = zip(response.column("drug_id"), response.column("cell_id"), response.values("ln_ic50"), strict=True)
    known = [(d, c, v) for d, c, v in rows if d in prints and c in lines]
    names = sorted({d for d, _, _ in known})
    places = {name: i for i, name in enumerate(names)}
    values = np.full((len(names), len(lines)), np.nan)
    for d, c, v in known:
        values[places[d], lines[c]] = -v
    similarity = np.array([BulkTanimotoSimilarity(prints[d], [prints[e] for e in names]) for d in names])
    vectors = np.linalg.eigh(similarity)
    embedding = vectors[1][:, ::-1][:, :CONDITION] * np.sqrt(np.maximum(vectors[0][::-1][:CONDITION], 0))
    embedding = (embedding - embedding.mean(0)) / np.maximum(embedding.std(0), 1e-9)
    genes = np.argsort(-matrix.std(0))[:GENES]
    shifted = matrix - matrix.min()  # bins compare the values of one line
    standard = (matrix - matrix.mean(0)) / np.maximum(matrix.std(0), 1e-9)
    return Data(values, value_bins(shifted[:, genes]), genes, standard, similarity, embedding)


def _fingerprint(smiles: str) -> Any:
    from rdkit.Chem import rdFingerprintGenerator as generators

    from activeloop.candidates.compounds import read_molecule

    try:
        return generators.GetMorganGenerator(2, fpSize=2048).GetFingerprint(read_molecule(smiles))
    except NotationError:
        return None


def pretrained(data: Data, lines: np.ndarray, seed: int) -> CellEncoder:
    """A small encoder that has learned to fill in masked bins, on the training lines alone."""
    torch.manual_seed(seed)
    encoder = CellEncoder(CellStack(data.expression.shape[1], WIDTH, 4, WIDTH, 4))
    head = torch.nn.Linear(WIDTH, 51)
    optimiser = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=2e-3)
    genes, bins = torch.from_numpy(data.genes), torch.from_numpy(data.bins[lines])
    encoder.train()
    for _ in range(PRETRAINING):
        some = bins[torch.randint(len(bins), (16,))]
        masked = torch.rand(some.shape) < 0.3
        ids = encoder.tokens_of(genes.expand_as(some), some.masked_fill(masked, 0))
        hidden = encoder(ids, torch.ones_like(masked))
        loss = functional.cross_entropy(head(hidden[masked]), some[masked])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return encoder.eval()


class Steered:
    """Predictions of a frozen encoder under drugs: `level + head(mean hidden)`; only adapter and head are trained."""

    def __init__(self, data: Data, encoder: CellEncoder, seed: int):
        attached = attach(Conditional(CONDITION, BOTTLENECK, last_layers=1), encoder, seed)
        assert isinstance(attached, ConditionalAttached)
        self.attached = attached
        genes, bins = torch.from_numpy(data.genes), torch.from_numpy(data.bins)
        ids = encoder.tokens_of(genes.expand_as(bins), bins)
        with torch.no_grad(), attached.under(torch.zeros(len(ids), CONDITION)):
            # the adapter adds nothing yet: what it will be added to, once for all drugs
            self.hidden = encoder(ids, torch.ones_like(ids, dtype=torch.bool))
        torch.manual_seed(seed)
        self.head = torch.nn.Linear(WIDTH, 1)
        self.drugs = torch.from_numpy(data.embedding).float()

    @property
    def share(self) -> float:
        """Trained parameters over those of the encoder."""
        own = sum(p.numel() for p in self.head.parameters())
        return (self.attached.trainable() + own) / sum(p.numel() for p in self.attached.encoder.parameters())

    def at(self, drugs: torch.Tensor, lines: torch.Tensor) -> torch.Tensor:
        """[d, l]."""
        hidden = self.hidden[lines]
        one = next(iter(self.attached.bottlenecks.values()))
        down, steer = one.down(hidden), one.condition(self.drugs[drugs])  # type: ignore[operator]
        inner = functional.gelu(down[None] + steer[:, None, None]).mean(2)
        return self.head(hidden.mean(1)[None] + one.up(inner))[..., 0]  # type: ignore[operator]

    def fit(self, targets: np.ndarray, drugs: np.ndarray, lines: np.ndarray, seed: int) -> None:
        """On [D, L] targets, NaN where there are none."""
        rng, y = np.random.default_rng(seed), torch.from_numpy(targets).float()
        parameters = [*self.attached.parameters(), *self.head.parameters()]
        optimiser = torch.optim.AdamW(parameters, lr=5e-3, weight_decay=0.02)
        decay = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=STEPS)
        for _ in range(STEPS):
            d, c = (torch.from_numpy(rng.choice(some, 24, replace=False)) for some in (drugs, lines))
            wanted = y[d][:, c]
            error = (self.at(d, c) - wanted)[~torch.isnan(wanted)]
            optimiser.zero_grad()
            error.square().mean().backward()
            optimiser.step()
            decay.step()

    @torch.no_grad()
    def predict(self, drugs: np.ndarray, lines: np.ndarray) -> np.ndarray:
        """[d, l]."""
        c = torch.from_numpy(lines)
        return np.concatenate([self.at(torch.tensor([d]), c).numpy() for d in drugs])


def ridge(kernel: np.ndarray, train: np.ndarray, test: np.ndarray, values: np.ndarray, noise: float) -> np.ndarray:
    """Kernel ridge of rows of values [train, ...] for the test rows."""
    gram = kernel[np.ix_(train, train)] + noise * np.eye(len(train))
    return kernel[np.ix_(test, train)] @ np.linalg.solve(gram, values)


def per_drug(predicted: np.ndarray, values: np.ndarray) -> float:
    """Mean over drugs of the Pearson correlation over lines."""
    found = []
    for p, v in zip(predicted, values, strict=True):
        known = np.isfinite(v)
        if known.sum() >= 30 and p[known].std() > 0:
            found.append(np.corrcoef(p[known], v[known])[0, 1])
    return float(np.mean(found))


def run(data: Data, seed: int) -> tuple[dict[str, dict[str, float]], float]:
    """Correlations of each model for new drugs and for new lines, and the share of parameters that was trained."""
    rng = np.random.default_rng(seed)
    drugs, lines = (rng.permutation(n) for n in data.values.shape)
    new_drugs, old_drugs = np.split(drugs, [int(HELD_OUT * len(drugs))])
    new_lines, old_lines = np.split(lines, [int(HELD_OUT * len(lines))])
    old_drugs = old_drugs[data.similarity[np.ix_(old_drugs, new_drugs)].max(1) <= TWIN]
    centred = data.values - np.nanmean(data.values[:, old_lines], 1, keepdims=True)
    cell = np.nan_to_num(np.nansum(centred[old_drugs], 0) / np.maximum(np.isfinite(centred[old_drugs]).sum(0), 1))
    encoder = pretrained(data, old_lines, seed)
    squared = np.square(data.expression[:, None] - data.expression[None]).sum(2)
    near = np.exp(-squared / np.median(squared[np.ix_(old_lines, old_lines)]))
    # new drugs, on known lines: what the drug adds to the mean of the line
    rest = centred - cell
    filled = np.nan_to_num(rest[np.ix_(old_drugs, old_lines)])
    structure = ridge(data.similarity, old_drugs, new_drugs, filled, 1.0)
    steered = Steered(data, encoder, seed)
    steered.fit(rest, old_drugs, old_lines, seed)
    truth = data.values[np.ix_(new_drugs, old_lines)]
    mean = np.broadcast_to(cell[old_lines], truth.shape)
    adapter = steered.predict(new_drugs, old_lines)
    found = {
        "new drugs": {
            "cell mean": per_drug(mean, truth),
            "structure, kernel ridge": per_drug(mean + structure, truth),
            "conditional adapter": per_drug(mean + adapter, truth),
            "both": per_drug(mean + (structure + adapter) / 2, truth),
        }
    }
    # known drugs, on new lines
    level = np.nan_to_num(centred[np.ix_(old_drugs, old_lines)] - cell[old_lines]) + cell[old_lines]
    kernel = ridge(near, old_lines, new_lines, level.T, 0.5).T
    steered.attached.detach()
    steered = Steered(data, encoder, seed + 1)
    steered.fit(centred, old_drugs, old_lines, seed)
    truth = data.values[np.ix_(old_drugs, new_lines)]
    adapter = steered.predict(old_drugs, new_lines)
    found["new lines"] = {
        "expression, kernel ridge": per_drug(kernel, truth),
        "conditional adapter": per_drug(adapter, truth),
        "both": per_drug(kernel / kernel.std() + adapter / adapter.std(), truth),
    }
    return found, steered.share


def command(
    data: Annotated[Path, DATA],
    seeds: Annotated[int, typer.Option(help="Draws of held-out drugs and lines.")] = 3,
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Does a frozen encoder of cells, steered by a drug's structure, predict new drugs and lines?"""
    files = read(data)
    found, share = [], 0.0
    for seed in range(seeds):
        one, share = run(files, seed)
        found.append(one)
        say(f"seed {seed}: {one}", error=True)
    sections, rows = [], []
    for what, baseline in (("new drugs", "structure, kernel ridge"), ("new lines", "expression, kernel ridge")):
        cells = []
        for model in found[0][what]:
            values = np.array([one[what][model] for one in found])
            gain = values - np.array([one[what][baseline] for one in found])
            cells.append([model, mean_se(values), "-" if model == baseline else mean_se(gain)])
            rows += [(what, model, seed, f"{value:.4f}") for seed, value in enumerate(values)]
        sections.append(
            section(what.capitalize(), markdown_table(["", "r of each drug", f"against {baseline}"], cells))
        )
    drugs, lines = files.values.shape
    how = (
        f"{seeds} draws of a fifth of {drugs} drugs with a structure and of {lines} lines with expression; training "
        f"drugs more alike a held-out one than {TWIN} (Tanimoto) are left out. Correlation of each drug alone over "
        "lines, mean ± standard error over draws; differences are paired. The encoder (scGPT's shape, "
        f"{GENES} genes, pretrained on the expression of the training lines alone by filling in masked bins) is "
        f"frozen; adapter and head are {share:.2%} of its parameters. A pretrained encoder of cells was not to be had."
    )
    table = {"draws": (("held out", "model", "seed", "r"), rows)}
    result = Result("Conditional adapters: new drugs and new lines", how, sections, table)
    result.write(out / "conditional", f"python -m benchmarks conditional --data DIR --seeds {seeds}")
    say(f"conditional: trained {share:.2%}; {found}")
