"""The only place of these tests that imports the package: when something is renamed, this file follows it.

Everything else is done by the command line, in this process, so that it stays valid whatever the code is called.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from activeloop.acquisition import AcquisitionContext
from activeloop.campaigns import StudentRecord, Version
from activeloop.campaigns.events import in_words_of_now
from activeloop.candidates import Pool
from activeloop.cli import main
from activeloop.config import LearnerConfig, SelectConfig, assays_of, learner_of, open_campaign, pool_of, recommender_of
from activeloop.config.registry import checked_learner_of
from activeloop.config.students import trainer_of
from activeloop.config.text import read_config
from activeloop.encoders import Joined, Kmers, Morgan, OneHot, Physicochemical
from activeloop.errors import ConfigError
from activeloop.foundation import ESM2, ZeroShot
from activeloop.measurements import Assay, Dataset
from activeloop.models import DropoutHead, GPHead, HeadLearner, LaplaceHead
from activeloop.prediction import Learner, Prediction
from activeloop.priors import Blosum, PLMPrior, SubstitutionPrior
from activeloop.renamed import NAMES, RenamedWarning

#: what configs named then and is gone on purpose: refused with a sentence that names what to use instead
REMOVED = (
    *("alias-frozen-ensemble", "alias-gated-tuned"),
    *(f"draws-{head}-{of}" for head in ("ensemble", "variational") for of in ("fine-tuned", "frozen")),
    *("adapter-adalora", "options-gated", "score-least-confidence", "score-margin", "batch-liar", "batch-logdet"),
)
#: the error of it
Refused = ConfigError


@contextmanager
def names_of_before():
    """Names that are other ones now are understood; what warns of them is tested elsewhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RenamedWarning)
        yield


def words_of_now(read: dict[str, str]) -> dict[str, str]:
    """What `read` gave before, in the words by which versions and students are recognised now."""
    kinds = {"learner": Version, "teaching": StudentRecord}
    return {field: in_words_of_now(kinds[field], field, text) for field, text in read.items()}


def typed(*arguments: object) -> str:
    """What a command prints; it must end well."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main([str(a) for a in arguments])
    except SystemExit as end:
        if end.code:
            raise AssertionError(f"activeloop {' '.join(map(str, arguments))}: {err.getvalue()}") from end
    return out.getvalue()


def rows_of(path: Path) -> list[list[Any]]:
    """A table, its numbers as numbers, and columns of predictions and policies under their names of before."""
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    before = [re.sub(r" (?:model|measurement|probability) (sd|low|high)$", r" \1", name) for name in header]
    policies = {new: old for old, new in NAMES["policy"].items()}
    return [before, *([number(policies.get(cell, cell)) for cell in row] for row in rows)]


def number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def plate_of(folder: Path, proposal: int) -> list[dict[str, str]]:
    """The wells with candidates of a proposal's plate, best first."""
    with (folder / "plates" / f"plate-{proposal}.csv").open(newline="") as file:
        wells = [row for row in csv.DictReader(file) if row["kind"] == "candidate"]
    return sorted(wells, key=lambda row: int(row["rank"]))


def picks_of(folder: Path, proposal: int) -> list[list[Any]]:
    """Of each pick name, prediction in the first assay, both ends of its interval, and score."""
    rows = plate_of(folder, proposal)
    first = [next(key for key in rows[0] if key.split(" ")[-1] == what) for what in ("predicted", "low", "high")]
    return [[number(row[key]) for key in ("candidate", *first, "score")] for row in rows]


def predictions_of(folder: Path, to: Path) -> list[list[Any]]:
    """What `activeloop predict` writes about the whole pool."""
    typed("predict", folder, "--out", to)
    return predicted(to)


def predicted(table: Path) -> list[list[Any]]:
    """Rows of predictions, under the titles of then."""
    titles, *rows = rows_of(table)
    now = {" model sd": " sd", " measurement low": " low", " measurement high": " high"}
    now |= {" probability low": " low", " probability high": " high"}
    for ending, then in now.items():
        titles = [str(title).removesuffix(ending) + then * str(title).endswith(ending) for title in titles]
    return [titles, *rows]


@names_of_before()
def history(folder: Path) -> dict[str, Any]:
    """All that a campaign remembers, in plain values."""
    opened = open_campaign(folder)
    state, status = opened.campaign.state(), opened.campaign.status()
    validation = next((v for v in status.validations if v.assay == opened.campaign.assays[0].name), None)
    return {
        "pool": len(opened.campaign.pool),
        "proposals": [
            [[p.name, p.rank, p.score, p.mean, p.low, p.high] for p in proposal.picks] for proposal in state.proposals
        ],
        "results": [
            [m.candidate, m.assay, m.value, m.plate, m.well, m.control, result.event, result.round, result.void or ""]
            for result in state.results
            for m in [result.measurement]
        ],
        "pinned": dict(state.pinned),
        "vetoed": dict(state.vetoed),
        "rounds": state.rounds,
        "versions": [[v.number, v.data_hash, dict(v.metrics)] for v in state.versions],
        "students": [[s.number, s.version, s.parameters, dict(s.fidelity)] for s in state.students],
        "leaders": [[x.assay, x.name, x.value] for x in status.leaders],
        "best_by_round": list(status.best_by_round),
        "stale": status.stale,
        "honesty": None if validation is None else [validation.proposal, validation.candidates, validation.spearman],
    }


@contextmanager
def nothing_may_be_fitted(patch: Any):
    """While it lasts every learner refuses to be fitted: versions must be restored from what is stored."""

    def refuse(self: Any, *_: Any, **__: Any) -> None:
        raise AssertionError(f"{type(self).__name__} was fitted; its stored version should have been restored")

    with patch.context() as inner:
        for kind in _below(Learner):
            if "fit" in vars(kind):
                inner.setattr(kind, "fit", refuse)
        yield


def _below(kind: type) -> set[type]:
    return {kind} | {further for child in kind.__subclasses__() for further in _below(child)}


# --- what `computed.py` needs beside commands ---


def singles(parent: str) -> Any:
    return Pool.single_mutants(parent)


def library(parent: str, sites: list[tuple[str, str]]) -> Any:
    return Pool.combinatorial(parent, sites)


def listed(kind: str, written: list[str]) -> Any:
    """A pool of compounds or guides, read from a table."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "candidates.csv")
        table.write_text("\n".join(["smiles" if kind == "compounds" else "guide", *written]) + "\n")
        return Pool.from_table(table, kind)


def dataset(pool: Any, rows: np.ndarray, values: np.ndarray, goal: str = "maximise") -> Any:
    scale = "auto" if goal == "classify" else "linear"  # as it was before assays had one
    return Dataset.of(pool, rows, values, Assay("value", goal=goal, scale=scale)).oriented()  # type: ignore[arg-type]


@names_of_before()
def learner(name: str, pool: Any, goal: str = "maximise", calibration: str = "", **options: Any) -> Any:
    """A learner as a config names it; with a correction as a campaign has it, where one is named."""
    assays = (Assay("value", goal=goal),)  # type: ignore[arg-type]
    config = LearnerConfig(name=name, options=options, calibration=calibration)  # type: ignore[arg-type]
    return checked_learner_of(config, pool, assays) if calibration else learner_of(config, pool, assays)


def on_letters(head: str) -> Any:
    """A posterior on one-hot letters."""
    return HeadLearner(OneHot(), {"process": GPHead, "last-layer": LaplaceHead, "dropout": DropoutHead}[head]())


def encoders() -> dict[str, Any]:
    return {
        "onehot": OneHot(),
        "physicochemical": Physicochemical(),
        "joined": Joined((OneHot(), Physicochemical())),
        "blosum": Blosum(),
        "kmers": Kmers(),
        "substitutions": SubstitutionPrior(),
        "small": ESM2(),
        "informed": PLMPrior(ESM2()),
        "zero-shot": ZeroShot(ESM2()),
        "morgan": Morgan(),
    }


@names_of_before()
def selection(score: str, batch: str, pool: Any, score_options: dict | None = None, batch_options: dict | None = None):
    """A score and a choice of a batch as a config names them."""
    config = SelectConfig(
        score=score, batch=batch, score_options=score_options or {}, batch_options=batch_options or {}
    )
    return recommender_of(config, "find", (Assay("value"),), pool)


def belief_of(draws: np.ndarray, noise: np.ndarray, classes: tuple[str, ...]) -> Any:
    return Prediction.of_draws(draws, noise, classes)


def context(best: np.ndarray, seed: int, threshold: np.ndarray, values: np.ndarray) -> Any:
    return AcquisitionContext(best, np.random.default_rng(seed), threshold, values)


@names_of_before()
def read(path: Path) -> dict[str, str]:
    """Everything that a `campaign.toml` names is made; what tells versions and students from others by its words."""
    config = read_config(path)
    assays = assays_of(config)
    pool = pool_of(config.pool, path.parent)
    learner = checked_learner_of(config.learner, pool, assays, str(path), path.parent)
    selection = recommender_of(config.select, config.goal, assays, pool, str(path))
    assert selection.score is not None
    return {"learner": learner.name, "teaching": trainer_of(config.student, pool, str(path)).name}
