"""What a campaign costs: CPU seconds, start-up time, memory.

Writes summary.csv, README.md and machine.json. Every figure is measured in a process of its own on one thread;
the page gives median and range of several, and the time of a fixed matrix product so that machines can be compared.
Needs the GB1 landscape (`ACTIVELOOP_DATA`, or a connection).
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.options import OUT, own_process
from benchmarks.results import Result, markdown_table, median_range

PARENT = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVG"
LETTERS = "ACDEFGHIKLMNPQR"  # 15^6 = 11.4 million


def campaign(seed: int) -> dict[str, float]:
    """One whole GB1 campaign with the defaults: CPU seconds and peak memory."""
    from activeloop.replay import Protocol, Source, load_landscape, policy_of, replay_campaign

    landscape = load_landscape(Source("gb1"))
    protocol = Protocol()
    policy = policy_of("default", landscape.pool, protocol, landscape.assay)
    turns = replay_campaign(landscape, policy, protocol, seed)
    return {"seconds": sum(turn.seconds for turn in turns), "best": turns[-1].metrics["best_fraction"]}


def huge(_: int) -> dict[str, float]:
    """A proposal from 11.4 million combinations with the default learner fitted to 96 of them."""
    import numpy as np

    from activeloop.acquisition import choose, default_recommender
    from activeloop.candidates import Pool
    from activeloop.measurements import Dataset
    from activeloop.models import default_learner

    pool = Pool.combinatorial(PARENT, sites=[5, 9, 15, 20, 23, 30], letters=LETTERS)
    rng = np.random.default_rng(0)
    rows = np.sort(rng.integers(0, len(pool), 96))
    dataset = Dataset.of(pool, rows, pool.codes(rows)[:, :2].sum(1) + rng.standard_normal(96))
    clock = time.process_time()
    predictor = default_learner(pool, "find").fit(dataset, 0)
    select = default_recommender("find", dataset.assays, pool)
    picks = choose(predictor, pool, n=96, select=select, seed=0, excluded=rows.tolist(), dataset=dataset)
    return {"seconds": time.process_time() - clock, "candidates": len(pool), "picks": len(picks)}


def child(what: str, seed: int) -> None:
    """Measure in this process and print the figures as JSON."""
    found = {"campaign": campaign, "huge": huge}[what](seed)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**found, "peak_mib": peak}))  # noqa: T201


def measured(what: str, seed: int) -> dict[str, float]:
    """The figures of a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cost", what, str(seed)],
        env=own_process(),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def start_up(arguments: list[str]) -> float:
    """Wall seconds of `activeloop ARGUMENTS` from nothing."""
    program = Path(sys.executable).with_name("activeloop")
    clock = time.perf_counter()
    subprocess.run([program, *arguments], capture_output=True, check=True)
    return time.perf_counter() - clock


def heavy_modules(arguments: list[str]) -> list[str]:
    """Which of torch, scikit-learn, scipy and matplotlib a verb imports."""
    code = (
        "import sys; from activeloop.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "print(' '.join(m for m in ('torch', 'sklearn', 'scipy', 'matplotlib') if m in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.split()


def calibration() -> float:
    """Milliseconds of a 1,000 x 1,000 matrix product in double precision on one thread."""
    code = (
        "import numpy as np, time; a = np.ones((1000, 1000)); a @ a; t = time.process_time()\n"
        "for _ in range(10): a @ a\n"
        "print((time.process_time() - t) * 100)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=own_process(), capture_output=True, text=True)
    return float(done.stdout)


def command(
    repeats: Annotated[int, typer.Option(metavar="N", help="Of what is measured several times.")] = 5,
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """What does a campaign cost: CPU seconds, start-up time, memory?"""
    campaigns = [measured("campaign", seed) for seed in range(repeats)]
    large = measured("huge", 0)
    helps = [start_up(["--help"]) for _ in range(repeats)]
    modules = heavy_modules(["--help"]) or ["none"]
    rows = [
        ("whole GB1 campaign, CPU s on one core", median_range([c["seconds"] for c in campaigns]), "at most 12"),
        ("its peak memory, MiB", median_range([c["peak_mib"] for c in campaigns]), ""),
        (f"proposal from {large['candidates']:,} combinations, CPU s", f"{large['seconds']:.3g}", "at most 20"),
        ("its peak memory, MiB", f"{large['peak_mib']:.4g}", "below 2,048"),
        ("activeloop --help, wall s", median_range(helps), "below 0.5"),
        ("of torch, sklearn, scipy, matplotlib it imports", " ".join(modules), "none"),
        ("calibration: 1,000 x 1,000 matrix product, ms", f"{calibration():.3g}", ""),
    ]
    cost_result(rows).write(out / "cost", f"python -m benchmarks cost --repeats {repeats}")


def cost_result(rows: Sequence[tuple[str, str, str]]) -> Result:
    """What was found: what, measured, required."""
    how = "Each figure is of a process of its own on one thread: median (range)."
    table = markdown_table(["what", "measured", "required"], rows)
    return Result("What does a campaign cost?", how, [table], {"summary": (("what", "measured", "required"), rows)})


if __name__ == "__main__":
    child(sys.argv[1], int(sys.argv[2]))
