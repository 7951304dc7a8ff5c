"""The demonstration: a planted landscape, a simulated laboratory, three rounds, and a page that shows them."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from activeloop.cli.new import new
from activeloop.cli.propose import propose
from activeloop.cli.record import record
from activeloop.cli.status import status
from activeloop.cli.terminal import opened, say
from activeloop.desk.demonstration import FAILING, NOISE, PARENT, PLATE_SPREAD, SITES, SLOPE, laboratory, planted
from activeloop.drawing import inline
from activeloop.errors import InputError
from activeloop.files import write_whole
from activeloop.plates import Plate, plates_in
from activeloop.plates.picture import draw
from activeloop.replay.landscape import Landscape
from activeloop.replay.machine import describe_machine
from activeloop.replay.report import render

ROUNDS, PICKS, BASELINES = 3, 88, 200
MARK = "activeloop-demo"


@dataclass(frozen=True)
class Story:
    """The result of the demonstration.

    Args:
        report: the page.
        found: whether the best variant of all was measured.
        verdict: what happened, in one sentence.
    """

    report: Path
    found: bool
    verdict: str


def demonstrate(out: Path, seed: int) -> Story:
    """Run the campaign in `out` and write `out/report.html`.

    Raises:
        InputError: a negative seed, or `out` holds something that is not an old demonstration; it is left as it is.
    """
    started = time.monotonic()
    if seed < 0:
        raise InputError(f"--seed {seed}: give a whole number from 0 on. Nothing was changed.")
    clear(out)
    landscape = planted()
    truth = landscape.values
    best = landscape.pool[int(truth.argmax())].name
    say(f"Planted: {len(truth):,} variants at {', '.join(SITES)} of a protein of {len(PARENT)} residues.")
    wild_type = truth[landscape.pool.find("WT")]
    say(f"The best is {best} (value 1); the wild type has {wild_type:.3f}. The loop does not know this.")
    folder = out / "campaign"
    command(f"activeloop new {folder} --wild-type ... --sites {','.join(SITES)} --assay activity")
    new(folder, ["activity"], wild_type=PARENT, sites=",".join(SITES), seed=seed)
    for number in range(1, ROUNDS + 1):
        command(f"activeloop propose {folder} -n {PICKS}")
        propose(folder, number=PICKS)
        plate = next(p for p in plates_in(folder / "plates").plates if p.id == f"plate-{number}")
        results = laboratory(landscape).write(plate, out / f"results_{number}.csv", seed)
        command(f"activeloop record {folder} {results}")
        record(folder, results)
    command(f"activeloop status {folder}")
    opened(folder).campaign.fit()
    status(folder)
    return report(out, landscape, seed, time.monotonic() - started)


def clear(out: Path) -> None:
    """Make the folder, and empty it if it holds an old demonstration."""
    if out.exists() and any(out.iterdir()):
        if not (out / MARK).exists():
            raise InputError(f"{out} exists and is not an old demo. Name a new folder with --out; nothing was changed.")
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).write_text("This folder is replaced by the next `activeloop demo`.\n", encoding="utf-8")


def command(line: str) -> None:
    """Show what a person would type."""
    say("")
    say(f"$ {line}")


def report(out: Path, landscape: Landscape, seed: int, seconds: float) -> Story:
    """Write the page, and sum up in one sentence."""
    folder = out / "campaign"
    loop = opened(folder).campaign
    plates = plates_in(folder / "plates").plates
    rounds = [[p.name for p in proposal.picks] for proposal in loop.state().proposals]
    reached = best_after(landscape, rounds)
    baseline, spread = random_baseline(landscape, [len(r) for r in rounds], seed)
    tested = sum(map(len, rounds))
    found = bool(reached[-1] == landscape.values.max())
    best = landscape.pool[int(landscape.values.argmax())].name
    hit = f"found {best}, the best of {len(landscape.values):,} variants," if found else "did not find the best variant"
    verdict = (
        f"The loop {hit} with {tested} variants on {len(plates)} plates: {reached[-1]:.0%} of the best possible value; "
        f"random choice reaches {baseline[-1]:.0%}."
    )
    final = loop.status()
    page = render(
        "demo.html",
        title="A campaign in three rounds",
        verdict=verdict,
        cards=[
            {"figure": f"{reached[-1]:.0%}", "words": "of the best possible value, found by the loop", "own": True},
            {"figure": f"{baseline[-1]:.0%}", "words": f"found by random choice (mean of {BASELINES})", "own": False},
            {"figure": f"{tested}", "words": f"of {len(landscape.values):,} variants were put on plates", "own": False},
            {"figure": f"{seconds:.0f} s", "words": "from the first command to this page", "own": False},
        ],
        curve=inline(
            learning_curve(rounds, reached, baseline, spread), "Learning curve of the loop and of its random baseline"
        ),
        plates=[picture(plate, landscape) for plate in plates],
        leaders=leaders(landscape, rounds, folder),
        explanation=final.versions[-1].explanation if final.versions else "",
        picks=[proposal.picks[:5] for proposal in loop.state().proposals],
        laboratory=f"noise of one well {NOISE}, plates differ by {PLATE_SPREAD}, columns drift by {SLOPE}, "
        f"{FAILING:.0%} of the wells fail",
        machine=describe_machine(),
    )
    return Story(write_whole(out / "report.html", page), found, verdict)


def best_after(landscape: Landscape, rounds: list[list[str]]) -> np.ndarray:
    """Best true value after each round."""
    values = [max(landscape.values[landscape.pool.find(name)] for name in names) for names in rounds]
    return np.maximum.accumulate(values)


def random_baseline(landscape: Landscape, sizes: list[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the best true value after random rounds of the same sizes."""
    rng = np.random.default_rng([seed, 1])
    ends = np.cumsum(sizes)
    drawn = np.stack([rng.permutation(landscape.values)[: ends[-1]] for _ in range(BASELINES)])
    best = np.stack([drawn[:, :end].max(1) for end in ends], axis=1)
    return best.mean(0), best.std(0)


def picture(plate: Plate, landscape: Landscape) -> str:
    """The plate, coloured by the true values of its candidates."""
    values = {name: float(landscape.values[landscape.pool.find(name)]) for name in plate.candidates}
    return draw(plate, values, label="true value")


def leaders(landscape: Landscape, rounds: list[list[str]], folder: Path) -> list[dict[str, str]]:
    """The five best measured variants with what was measured and what is true."""
    data = opened(folder).campaign.dataset()
    order = np.argsort(-data.values[:, 0], kind="stable")[:5]
    ranks = np.argsort(np.argsort(-landscape.values))
    lines = []
    for i in order:
        name = data.pool[int(data.rows[i])].name
        row = landscape.pool.find(name)
        lines.append(
            {
                "name": name,
                "measured": f"{data.values[i, 0]:.3f} ± {data.errors[i, 0]:.3f}",
                "true": f"{landscape.values[row]:.3f}",
                "rank": f"{ranks[row] + 1:,}",
                "round": str(1 + next(k for k, names in enumerate(rounds) if name in names)),
            }
        )
    return lines


def learning_curve(rounds: list[list[str]], reached: np.ndarray, baseline: np.ndarray, spread: np.ndarray) -> bytes:
    """Best value found against variants measured, beside the random baseline, as SVG."""
    from matplotlib.figure import Figure

    from activeloop.drawing import BASELINE, FAINT, OWN, style, svg

    labels = np.cumsum([len(names) for names in rounds])
    figure = Figure(figsize=(8.4, 4.2), layout="constrained", facecolor="white")
    axis = figure.subplots()
    style(axis)
    axis.plot(labels, reached, color=OWN, marker="o", linewidth=2.6, label="the loop", zorder=3)
    axis.plot(
        labels, baseline, color=BASELINE, marker="o", linewidth=1.8, linestyle=(0, (4, 2)), label="random baseline"
    )
    axis.fill_between(
        labels, baseline - spread, np.minimum(baseline + spread, 1), color=BASELINE, alpha=0.18, linewidth=0
    )
    axis.axhline(1.0, color=FAINT, linewidth=1, linestyle=":")
    axis.annotate("best possible", (labels[0], 1.0), (0, 4), textcoords="offset points", color=FAINT, fontsize=9.5)
    axis.set_xticks(labels)
    axis.set_ylim(0, 1.12)
    axis.set_xlabel("variants measured", color=FAINT)
    axis.set_ylabel("best true value found", color=FAINT)
    axis.legend(frameon=False, loc="lower right")
    return svg(figure)
