"""What fine-tuning costs: a step, its memory, the way to the same result, and a whole campaign.

    python -m benchmarks compute --out docs/results/compute [--part steps|memory|result|campaign]

Writes steps.csv, memory.csv, result.csv, rates.csv, campaign.csv and README.md. Single measurements are kept in
`--work`, and none is made twice. `result` and `campaign` need public sets (`ACTIVELOOP_DATA`, or a connection).
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import numpy as np

from activeloop.files import csv_text, write_whole
from activeloop.foundation import ESM2
from activeloop.foundation.cache import cache_folder
from activeloop.foundation.checkpoints import BUNDLED, fingerprint
from activeloop.models.finetuning.config import TrainingConfig
from benchmarks.compute_training import (
    CHEAPER,
    FULL,
    MEMORY,
    MeasurementCache,
    arms,
    default_arm,
    default_draws,
    read_by,
)
from benchmarks.results import HEAVY, Result, crossed, markdown_table, mean_se, section

PARTS = ("steps", "memory", "result", "campaign")
#: stands for the checkpoint among the sizes
OWN = "checkpoint"


@dataclass(frozen=True)
class ComputeConfig:
    """All that can be asked for; see `--help`."""

    out: Path = Path("docs/results/compute")
    work: Path | None = None
    checkpoint: str = BUNDLED
    sizes: tuple[str, ...] = ("8M", "35M", "150M")
    lengths: tuple[int, ...] = (56, 256, 500)
    memory_lengths: tuple[int, ...] = (56, 256)
    minibatch: int = 32
    alternations: int = 5
    sets: tuple[str, ...] = (
        "IF1_ECOLI_Kelsic_2016",
        "SUMO1_HUMAN_Weile_2017",
        "TAT_HV1BR_Fernandes_2016",
        "REV_HV1H2_Fernandes_2016",
    )
    #: two of the shortest domains of the stability data, which no suite looks at
    grid_sets: tuple[str, ...] = ("1k1v_A_24-64", "2m8j_A_1-43")
    grid_labels: tuple[int, ...] = (240,)
    labels: tuple[int, ...] = (96, 480)
    seeds: int = 3
    rates: tuple[float, ...] = (3e-4, 1e-3, 3e-3, 1e-2)
    epochs: int = 10
    checks: int = 10
    judges: int = 300
    campaign_set: str = "gb1"
    campaign_sizes: tuple[str, ...] = (OWN,)
    campaign_seeds: int = 1
    start: int = 96
    rounds: int = 5
    pool: int = 10_000
    share: int = 1000
    draws: int = 32

    @property
    def cache(self) -> MeasurementCache:
        """Where single measurements are kept."""
        return MeasurementCache(self.work or cache_folder("compute"))

    @property
    def plan(self) -> TrainingConfig:
        """Of training; checkpoints of the fit would be a cost that grows with what learns, and are put off."""
        return TrainingConfig(epochs=self.epochs, minibatch=self.minibatch, checkpoint_seconds=1e9)

    def named(self, size: str) -> str:
        """A size, or the checkpoint."""
        return self.checkpoint if size == OWN else size


#: what `--quick` changes: everything in less than two minutes of one core, for trying out
QUICK = {
    "sizes": (OWN,),
    "lengths": (20,),
    "memory_lengths": (20,),
    "minibatch": 8,
    "alternations": 3,
    "sets": ("planted-small",),
    "grid_sets": ("planted",),
    "grid_labels": (16,),
    "labels": (16,),
    "seeds": 1,
    "rates": (1e-3, 3e-3),
    "epochs": 6,
    "checks": 3,
    "judges": 60,
    "campaign_set": "planted",
    "start": 8,
    "rounds": 2,
    "pool": 200,
    "share": 100,
    "draws": 8,
}


def measure_steps(config: ComputeConfig) -> Iterator[None]:
    """steps.csv, written after each length."""
    from benchmarks.compute_training import STEP_COLUMNS, checkpoint_of, loaded, minibatch_for, step_rows, time_steps

    how = (
        "Random weights in the shapes of ESM-2. All arms in turns in one process; median (range) of "
        f"{config.alternations} turns after one that does not count. The minibatch is the largest of 32, 8, 2, 1 with "
        f"which {FULL} fits into memory. Activations below the lowest trained layer are cached; Light-PEFT is measured "
        "after its removal."
    )
    rows = []
    for size in _sizes(config):
        with checkpoint_of(config.named(size)) as foundation:
            for length in config.lengths:
                settings = {"size": _identity(config, size), **_limits(config)}

                def measure(foundation=foundation, length=length) -> dict:
                    minibatch = minibatch_for(loaded(foundation), length, config.minibatch)
                    found = time_steps(foundation, arms(), length, minibatch, config.alternations)
                    return {"minibatch": minibatch, "arms": found}

                found = config.cache.once(f"steps-{size}-{length}", settings, measure)
                rows += step_rows(found["arms"], size, length, found["minibatch"], FULL)
                write_table(config.out, "steps", STEP_COLUMNS, rows, f"{how} {told_engine()}")
                yield


def measure_memory(config: ComputeConfig) -> Iterator[None]:
    """memory.csv, written after each length."""
    from benchmarks.compute_memory import MEMORY_COLUMNS, STEPS, in_a_process, memory_row
    from benchmarks.compute_training import checkpoint_of, loaded, minibatch_for

    how = (
        f"Each arm in a process of its own: the most it held while attaching, and in {STEPS} steps, less what it held "
        f"when the model was loaded; beside it the share of {FULL}, which is not charged for its copy of the weights."
    )
    rows = []
    for size in _sizes(config):
        with checkpoint_of(config.named(size)) as foundation:
            for length in config.memory_lengths:
                settings = {"size": _identity(config, size), **_limits(config)}

                def choose(foundation=foundation, length=length) -> dict:
                    return {"minibatch": minibatch_for(loaded(foundation), length, config.minibatch)}

                minibatch = config.cache.once(f"minibatch-{size}-{length}", settings, choose)["minibatch"]
                found = {
                    arm: config.cache.once(
                        f"memory-{size}-{length}-{arm}",
                        {**settings, "minibatch": minibatch},
                        lambda a=arm, f=foundation, n=length, m=minibatch: in_a_process(f.source, a, n, m),
                    )
                    for arm in arms()
                }
                rows += [memory_row(found, FULL, arm, (size, length, minibatch)) for arm in found]
                write_table(config.out, "memory", MEMORY_COLUMNS, rows, f"{how} {told_engine()}")
                yield


def measure_result(config: ComputeConfig) -> Iterator[None]:
    """result.csv and rates.csv."""
    from benchmarks.compute_result import GRID_COLUMNS, NEAR, RESULT_COLUMNS, ResultConfig, curves, grid_rows

    names = ResultConfig.__dataclass_fields__
    config_of_result = ResultConfig(**{name: getattr(config, name) for name in names})
    grid, rows = curves(ESM2(config.checkpoint), config_of_result, config.cache)
    how = (
        f"CPU seconds until the validation Spearman is within {NEAR} of the best that {FULL} reached in its fit of "
        f"{config.epochs} epochs; attaching and cached activations are counted, validation is not. What is validated "
        f"is the product's prediction if training stopped there: its posterior (`{default_draws().name}`) on the "
        "adapted features, whose scales are learned on the features as pretrained. Arms that may train all layers read "
        "the whole model, as is usual; those that train the last ones, the layers that the product reads "
        f"(`FoundationModel.depth`) and the last of these. {len(config.sets)} assays, "
        f"{' and '.join(map(str, config.labels))} labels, {config.seeds} {'seed' if config.seeds == 1 else 'seeds'}, "
        f"{config.judges} candidates held out, {config.checks} validations in a fit."
    )
    write_table(config.out, "rates", GRID_COLUMNS, grid_rows(grid))
    write_table(config.out, "result", RESULT_COLUMNS, rows, f"{how} {told_engine()}")
    yield


def measure_campaign(config: ComputeConfig) -> Iterator[None]:
    """campaign.csv."""
    from benchmarks.compute_campaign import (
        CAMPAIGN_COLUMNS,
        RATE,
        CampaignConfig,
        campaign_rows,
        run_campaign,
        strategies,
    )
    from benchmarks.compute_training import checkpoint_of, engine

    campaign = CampaignConfig(
        *(config.campaign_set, config.start, config.rounds, config.pool, config.share, config.draws, config.plan)
    )
    rows = []
    for size in config.campaign_sizes:
        with checkpoint_of(config.named(size)) as foundation:
            for seed in range(config.campaign_seeds):
                for way in strategies():
                    depth = read_by(foundation, way.adapter).share
                    own = {"size": _identity(config, size), "depth": depth, "way": repr(way), "seed": seed}
                    settings = {**own, **asdict(campaign), "engine": engine()}
                    found = config.cache.once(
                        f"campaign-{size}-{way.name}-{seed}",
                        settings,
                        lambda f=foundation, w=way, s=seed: run_campaign(f, w, campaign, s),
                    )
                    rows += campaign_rows(found, (size, way.name, seed), config.start)
    how = (
        f"{config.rounds} rounds of {config.start} candidates of `{config.campaign_set}`; in each a model is trained "
        f"from the pretrained one ({config.epochs} epochs) and scores {config.pool:,} candidates with {config.draws} "
        f"joint samples. Scoring is timed on {config.share:,} of them and scaled. *One pass a sample*: dropout of "
        f"{RATE:g} in every layer. *Activations cached*: what enters the lowest trained layer is computed in the first "
        "round (counted) and used in all. Spearman: of the mean, with the values of the candidates on which scoring "
        "was timed."
    )
    write_table(config.out, "campaign", CAMPAIGN_COLUMNS, rows, f"{how} {told_engine()}")
    yield


#: each writes its table, and goes on when the page was written too
MEASURES: dict[str, Callable[[ComputeConfig], Iterator[None]]] = {
    "steps": measure_steps,
    "memory": measure_memory,
    "result": measure_result,
    "campaign": measure_campaign,
}


def _sizes(config: ComputeConfig) -> tuple[str, ...]:
    """The largest only where there is a graphics card."""
    import torch

    larger = ("650M",) if torch.cuda.is_available() and "150M" in config.sizes else ()
    return (*config.sizes, *larger)


def _identity(config: ComputeConfig, size: str) -> str:
    """Of an encoder: its size, or the content of the checkpoint."""
    return fingerprint(config.named(size)) if size == OWN else size


def told_engine() -> str:
    """On what it was computed, as a sentence."""
    from benchmarks.compute_training import engine

    return f"Computed on: {engine()}."


def _limits(config: ComputeConfig) -> dict[str, object]:
    from benchmarks.compute_training import engine

    limits = {"minibatch": config.minibatch, "alternations": config.alternations}
    return {**limits, "arms": repr(arms()), "engine": engine()}


def options() -> argparse.ArgumentParser:
    """An option for each field of `ComputeConfig`; several values are written with commas."""
    parser = argparse.ArgumentParser("python -m benchmarks compute", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--part", choices=(*PARTS, "all"), default="all")
    parser.add_argument("--quick", action="store_true", help="tiny settings, planted values: to try it out")
    for name, default in asdict(ComputeConfig()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=_reader(default), help=f"default: {default}")
    return parser


def _reader(default: object) -> Callable[[str], object]:
    """From an option's text to a value of the kind of its default."""
    if isinstance(default, tuple):
        return lambda text: tuple(type(default[0])(part) for part in text.split(",") if part)
    return Path if default is None else type(default)


def told(arguments: list[str]) -> str:
    """The command, without where its cache lies.

    >>> told(["--part", "steps", "--work", "notes"]) == told(["--work=notes", "--part", "steps"])
    True
    """
    pairs = zip(["", *arguments], arguments, strict=False)
    kept = [word for before, word in pairs if before != "--work" and word.partition("=")[0] != "--work"]
    return " ".join(["python -m benchmarks compute", *kept])


@click.command("compute", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """What does fine-tuning cost, in seconds and memory?"""
    main(list(arguments))


def main(arguments: list[str]) -> None:
    """Measure what was asked for, and write the page."""
    given = vars(options().parse_args(arguments))
    part, quick = given.pop("part"), given.pop("quick")
    config = replace(
        ComputeConfig(), **{**(QUICK if quick else {}), **{k: v for k, v in given.items() if v is not None}}
    )
    typed = told(arguments)
    for name in PARTS if part == "all" else (part,):
        for _ in MEASURES[name](config):
            # what is finished stands there also when the rest is interrupted
            write_compute_page(config.out, typed, (name,))


Row = Mapping[str, str]
#: beside the tables: how each was measured
HOW = "how.json"


def write_table(
    folder: Path, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]], how: str = ""
) -> None:
    """NAME.csv, and what the page says about how it was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{name}.csv", csv_text(columns, rows))
    _tell(folder, {name: how} if how else {})


def write_compute_page(folder: Path, command: str, made: Sequence[str]) -> None:
    """README.md and machine.json from all tables of the folder.

    Args:
        folder: of the results.
        command: that was typed.
        made: names of the tables that it made; the others are older.
    """
    compute_result(folder, _tell(folder, {f"{name}: made by": command for name in made})).write(folder, command)


def compute_result(folder: Path, told: Mapping[str, str]) -> Result:
    """The page of the tables that are in a folder.

    Args:
        folder: of the results.
        told: the content of how.json.
    """
    sections = [
        section(title, f"{told.get(name, '')}{_by(told, name)}", show(read_table(folder, name), folder))
        for name, (title, show) in SECTIONS.items()
        if (folder / f"{name}.csv").exists()
    ]
    return Result("What does fine-tuning cost, and how little of it is enough?", _HOW, sections, parts=HEAVY)


_HOW = (
    "Processor time on one thread; on a graphics card (*cuda*) the time on the clock. All arms go through the same fit "
    f"loop, see the same candidates in the same minibatches, and are compared within one run; *cheaper* is {FULL} over "
    f"the arm. The default arm is {default_arm()}."
)


def read_table(folder: Path, name: str) -> list[Row]:
    """The rows of NAME.csv."""
    return list(csv.DictReader((folder / f"{name}.csv").read_text("utf-8").splitlines()))


def _tell(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    """All that is said of how tables were made, with more of it kept."""
    path = folder / HOW
    told = json.loads(path.read_text("utf-8")) if path.exists() else {}
    told |= more
    write_whole(path, json.dumps(told, indent=1, sort_keys=True) + "\n")
    return told


def _by(told: Mapping[str, str], name: str) -> str:
    command = told.get(f"{name}: made by")
    return f" Made by `{command}`." if command else ""


def _steps(rows: Sequence[Row], folder: Path) -> str:
    """A column an encoder and length, a row an arm: milliseconds and ratio."""
    del folder
    cells = {(r["arm"], _step_place(r)): f"{float(r['ms_a_sequence']):.3g} ms, {_ratio(r)}" for r in rows}
    return crossed(cells)


def _step_place(row: Row) -> str:
    return f"{row['backbone']}, {row['minibatch']} x {row['residues']} residues"


def _ratio(row: Row) -> str:
    if row["arm"] == FULL:
        return "1"
    median, lowest, highest = (float(row[name]) for name in ("cheaper", "lowest", "highest"))
    return f"**{median:.3g}x** ({lowest:.3g} to {highest:.3g})"


def _memory(rows: Sequence[Row], folder: Path) -> str:
    """The same with megabytes and shares, and whether the default meets the demand."""
    del folder
    cells = {(r["arm"], _step_place(r)): f"{float(r['above_mb']):,.0f} MB, {float(r['share']):.2f}" for r in rows}
    shares = [float(row["share"]) for row in rows if row["arm"] == default_arm()]
    met = f"The default arm: {min(shares):.2f} to {max(shares):.2f} of {FULL} (required: at most {MEMORY})."
    return f"{crossed(cells)}\n\n{met}"


def _result(rows: Sequence[Row], folder: Path) -> str:
    """For each arm: how often it reached, how much cheaper, and what it reached; then assay by assay; then rates."""
    names = list(dict.fromkeys(row["arm"] for row in rows))
    needed = [row for row in rows if row["nothing_to_do"] == "0"]
    best = ["best Spearman", f"minus that of {FULL}", "whole fit, CPU s", "whole fit, cheaper"]
    header = ["", "cheaper, failures counted", "reached", "cheaper where reached: geometric mean (range)", *best]
    means = [[name, _with_failures(name, needed), *_reached(name, needed), *_best(name, rows)] for name in names]
    fits = len(rows) // len(names)
    idle = sum(row["nothing_to_do"] == "1" for row in rows) // len(names)
    note = (
        f"Of {fits} comparisons {idle} are left out of the first three columns: there the head on frozen features, "
        f"where every fit begins, was already as good as {FULL} became. The first column is the cost of getting there "
        f"for certain: an arm that does not reach the mark has cost its whole fit, and {FULL} is paid for on top; "
        f"all CPU seconds of {FULL} are divided by all of the arm."
    )
    arm, every = default_arm(), "LoRA, all layers"
    if {arm, every} <= set(names):
        note += (
            f" Of {arm}: {_with_failures(arm, needed)}; where it got there, {_reached(arm, needed)[0]}, "
            f"{_reached(arm, needed)[1]}. Depth makes the saving, and not low rank: {every} is at "
            f"{_with_failures(every, needed)}."
        )
    each = _each_place(needed, [name for name in names if name != FULL])
    parts = [markdown_table(header, means), note, each, _rates(folder)]
    return "\n\n".join(filter(None, parts))


def _reached(name: str, rows: Sequence[Row]) -> list[str]:
    own = [row for row in rows if row["arm"] == name]
    return [f"{sum(bool(row['cheaper']) for row in own)} of {len(own)}", _geometric(own)]


def _with_failures(name: str, rows: Sequence[Row]) -> str:
    """How many times cheaper in all, where an arm that does not reach the mark is followed by full fine-tuning."""
    own, full = ([row for row in rows if row["arm"] == arm] for arm in (name, FULL))
    base = [float(row["cpu_seconds"]) for row in full]
    paid = [
        float(row["cpu_seconds"]) if row["cpu_seconds"] else float(row["cpu_seconds_in_all"]) + instead
        for row, instead in zip(own, base, strict=True)
    ]
    return f"{sum(base) / sum(paid):.3g}x" if paid else "–"


def _geometric(rows: Sequence[Row]) -> str:
    """Of those that reached."""
    ratios = np.array([float(row["cheaper"]) for row in rows if row["cheaper"]])
    if not len(ratios):
        return "–"
    return f"{np.exp(np.log(ratios).mean()):.3g}x ({ratios.min():.3g} to {ratios.max():.3g})"


def _best(name: str, rows: Sequence[Row]) -> list[str]:
    """What an arm reached in all comparisons, against full fine-tuning in each, and what its whole fits cost."""
    own, full = ([row for row in rows if row["arm"] == arm] for arm in (name, FULL))
    best, best_of_full = (np.array([float(row["best"]) for row in some]) for some in (own, full))
    seconds, seconds_of_full = (np.array([float(row["cpu_seconds_in_all"]) for row in some]) for some in (own, full))
    told = [mean_se(best), mean_se(best - best_of_full)]
    return [*told, f"{seconds.mean():.3g}", f"{np.exp(np.log(seconds_of_full / seconds).mean()):.3g}x"]


def _each_place(rows: Sequence[Row], names: Sequence[str]) -> str:
    places = list(dict.fromkeys((row["set"], row["labels"]) for row in rows))
    table = []
    for place in places:
        own = [row for row in rows if (row["set"], row["labels"]) == place]
        cells = (_reached(name, own) for name in names)
        table.append([", ".join(place), *(f"{cheaper}, {times}" for times, cheaper in cells)])
    return markdown_table(["assay, labels", *names], table)


def _rates(folder: Path) -> str:
    if not (folder / "rates.csv").exists():
        return ""
    rows = read_table(folder, "rates")
    cells = {(r["arm"], r["rate"]): f"**{r['spearman']}**" if r["chosen"] == "1" else r["spearman"] for r in rows}
    told = "Learning rates were chosen (**bold**) on other assays, by the best validation Spearman:"
    return f"{told}\n\n{crossed(cells)}"


def _campaign(rows: Sequence[Row], folder: Path) -> str:
    del folder
    encoders = list(dict.fromkeys(row["backbone"] for row in rows))
    return "\n\n".join(_campaign_of(encoder, [r for r in rows if r["backbone"] == encoder]) for encoder in encoders)


def _campaign_of(encoder: str, rows: Sequence[Row]) -> str:
    """CPU seconds of each way, and how much cheaper than the two ways of full fine-tuning."""
    ways = list(dict.fromkeys(row["way"] for row in rows))
    costs = {way: np.array([_sum(rows, way, part) for part in ("training", "scoring")]) for way in ways}
    full = [costs[way] for way in ways if way.startswith(FULL)]
    table = []
    for way in ways:
        training, scoring = costs[way]
        whole = training + scoring
        cheaper = [f"{ratio:.3g}x" for ratio in (full[0][0] / training, *(base.sum() / whole for base in full))]
        table.append([way, *(f"{seconds:.4g}" for seconds in (training, scoring, whole)), *cheaper, _last(rows, way)])
    against = [f"whole, cheaper than {way}" for way in ways if way.startswith(FULL)]
    header = ["", "training, CPU s", "scoring", "whole", "training, cheaper", *against, "Spearman after the last round"]
    met = f"Required of the default: {CHEAPER:g} times, for training and for the whole."
    return f"### {encoder}\n\n{markdown_table(header, table)}\n\n{met}"


def _sum(rows: Sequence[Row], way: str, part: str) -> float:
    """Over rounds, mean over seeds."""
    own = [row for row in rows if row["way"] == way]
    return sum(float(row[part]) for row in own) / len({row["seed"] for row in own})


def _last(rows: Sequence[Row], way: str) -> str:
    own = [row for row in rows if row["way"] == way]
    last = [float(row["spearman"]) for row in own if row["round"] == own[-1]["round"]]
    return f"{np.mean(last):.3f}"


SECTIONS: dict[str, tuple[str, Callable[[Sequence[Row], Path], str]]] = {
    "steps": ("One training step", _steps),
    "memory": ("Peak memory above the loaded model", _memory),
    "result": ("Computing until the same result", _result),
    "campaign": ("A whole campaign", _campaign),
}
