"""Numbers that must stay: what learners, scores, corrections and replays said with the code of commit 538db0d.

    python tests/golden/computed.py [SECTION ...]

writes `numbers.json` (or those sections of it). `test_golden_numbers.py` computes each section anew and compares.
"""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from golden import make_folders, names  # noqa: E402

#: what needs the public data, see `ACTIVELOOP_DATA`
PUBLIC = ("gb1", "scan 1", "scan 2", "scan 3")
SCANS = {"scan 1": "BLAT_ECOLX_Deng_2012", "scan 2": "SUMO1_HUMAN_Weile_2017", "scan 3": "IF1_ECOLI_Kelsic_2016"}
N = 40


def table(path: Path) -> list[list[Any]]:
    """A table of results without the column of seconds."""
    rows = names.rows_of(path)
    keep = [i for i, title in enumerate(rows[0]) if "seconds" not in str(title)]
    return [[row[i] for i in keep] for row in rows]


def replayed(*arguments: object, files: tuple[str, ...] = ("rounds.csv",)) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        names.typed("replay", *arguments, "--jobs", 1, "--out", folder)
        return {file: table(Path(folder, file)) for file in files}


def gb1() -> dict[str, Any]:
    return replayed("gb1", "--rounds", 1, "--seeds", 3, "--policies", "default")


def scan(name: str) -> Callable[[], dict[str, Any]]:
    options = ("--start", 24, "--batch", 24, "--rounds", 2, "--seeds", 3, "--policies", "default", "--first", "own")
    return lambda: replayed(SCANS[name], *options)


def planted_replay() -> dict[str, Any]:
    policies = "default,random,evolvepro,alde,site-gp:ucb,site-gp:thompson,ensemble:ei,dropout:power,forest:lcmd"
    options = ("--start", 12, "--batch", 12, "--rounds", 2, "--seeds", 2, "--policies", policies)
    return replayed("planted-small", *options, files=("rounds.csv", "summary.csv"))


def planted_learning() -> dict[str, Any]:
    options = ("--goal", "learn", "--start", 16, "--batch", 16, "--rounds", 1, "--seeds", 2)
    return replayed(
        "planted-small", *options, "--policies", "default,random,classifier:bald", files=("rounds.csv", "summary.csv")
    )


def evaluation() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        learners = "default,alde,forest,site-gp"
        options = ("--learners", learners, "--limit", 60, "--jobs", 1, "--seed", 3, "--out", folder)
        names.typed("evaluate", "planted-small", *options)
        return {file: table(Path(folder, file)) for file in ("summary.csv", "folds.csv")}


def pools() -> dict[str, Any]:
    return {
        "scan": names.singles("MKTAYIAKQR"),
        "library": names.library("MKTAYIAKQR", [("K2", "ACDEFGHIK"), ("T3", "ACDEFGT"), ("Y5", "AFWY")]),
        "compounds": names.listed("compounds", make_folders.SMILES),
        "guides": names.listed("guides", make_folders.guides()),
    }


def measured(pool: Any, goal: str = "maximise") -> Any:
    """24 candidates with planted values and some noise."""
    rng = np.random.default_rng(42)
    rows = rng.permutation(len(pool))[:24]
    values = np.array([make_folders.value(name, "planted") for name in pool.names(rows)])
    noisy = values + 0.1 * rng.standard_normal(24)
    return names.dataset(pool, rows, (noisy > np.median(noisy)).astype(float) if goal == "classify" else noisy, goal)


#: what learns, on which pool, and whether classes; by the words of a config
LEARNERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    **{f"{name} {pool}": (name, pool, {}) for name in ("default", "forest") for pool in ("scan", "library")},
    **{f"{name} {pool}": (name, pool, {}) for name in ("default", "forest") for pool in ("compounds", "guides")},
    **{f"{name} library": (name, "library", {}) for name in ("alde", "dropout", "ensemble", "site-gp")},
    **{f"{name} scan": (name, "scan", {}) for name in ("mutation-gp", "classifier", "site-gp")},
    "site-gp ranked": ("site-gp", "library", {"ranked": True}),
    "mutation-gp line": ("mutation-gp", "scan", {"line": 1.0}),
    "ensemble largest": ("ensemble", "library", {"members": 3, "hidden": [8], "targets": "largest"}),
    "guide-gp guides": ("guide-gp", "guides", {}),
    "tanimoto compounds": ("tanimoto", "compounds", {}),
    "informed scan": ("informed", "scan", {}),
}


def said(predictor: Any, pool: Any) -> dict[str, Any]:
    """Of every fifth candidate mean and spread, and of the first few two joint draws."""
    rows = np.arange(0, len(pool), 5)
    prediction = predictor.predict(pool, rows, 7, draws=4)
    return {
        "mean": prediction.mean.tolist(),
        "sd": prediction.sd.tolist(),
        "noise": prediction.noise.tolist(),
        "draws": prediction.draws[:2, :6].astype(float).tolist(),
        "interval": [end.tolist() for end in prediction.take(np.arange(6)).interval(0.9)],
    }


def learners() -> dict[str, Any]:
    found, known = {}, pools()
    for key, (name, where, options) in LEARNERS.items():
        goal = "classify" if name == "classifier" else "maximise"
        learner = names.learner(name, known[where], goal, **options)
        fitted = learner.fit(measured(known[where], goal), 3)
        found[key] = said(fitted, known[where])
        prior = learner.prior(known[where])
        if prior is not None:
            found[f"{key}, before"] = said(prior, known[where])
    for head in ("process", "last-layer", "dropout"):
        found[f"{head} on letters"] = said(names.on_letters(head).fit(measured(known["library"]), 3), known["library"])
    return found


def calibrations() -> dict[str, Any]:
    found, known = {}, pools()
    for word in ("temperature", "isotonic", "conformal", "own-noise", "none"):
        for name, where, goal in (
            ("mutation-gp", "scan", "maximise"),
            ("forest", "library", "maximise"),
            ("classifier", "scan", "classify"),
        ):
            pool = known[where]
            fitted = names.learner(name, pool, goal, word).fit(measured(pool, goal), 3)
            found[f"{name} {word}"] = {**said(fitted, pool), "metrics": fitted.metrics()}
    return found


def encoders() -> dict[str, Any]:
    """Features of a few candidates: their sum, and some of the numbers."""
    found, known = {}, pools()
    for name, encoder in names.encoders().items():
        pool = known["compounds" if name == "morgan" else "guides" if name == "kmers" else "scan"]
        features = np.asarray(encoder.features(pool, np.arange(0, len(pool), 9)), np.float64)
        some = features.ravel()[:: max(1, features.size // 40)]
        found[name] = {"shape": list(features.shape), "sum": float(features.sum()), "some": some.tolist()}
    return found


def prediction(assays: int = 1, classes: int = 0) -> Any:
    """A prediction about N candidates, from a generator alone."""
    rng = np.random.default_rng(1)
    if classes:
        p = np.exp((rng.standard_normal((30, 4)) @ rng.standard_normal((4, N * classes))).reshape(30, N, classes))
        return names.belief_of(p / p.sum(2, keepdims=True), np.zeros(classes), tuple("abc"[:classes]))
    factors, loads = rng.standard_normal((5, N)), rng.standard_normal((30, assays, 5))
    f = np.einsum("sak,kn->sna", loads, factors) + rng.standard_normal((N, assays))
    return names.belief_of(f, np.full(assays, 0.3), ())


def context(assays: int = 1) -> Any:
    seen = np.random.default_rng(5).standard_normal((6, assays))
    return names.context(seen.max(0), 3, np.full(assays, 0.2), seen)


BELIEFS = {"values": (1, 0), "two assays": (2, 0), "classes": (1, 2), "three classes": (1, 3)}
SCORES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("bald", "entropy", "epig", "random", "variance"), tuple(BELIEFS)),
    **dict.fromkeys(("ei", "greedy", "nei", "thompson", "ucb", "hit"), ("values", "classes", "three classes")),
    **dict.fromkeys(("least-confidence", "margin"), ("classes", "three classes")),
    **dict.fromkeys(("hypervolume", "scalarised"), ("values", "two assays")),
}
SCORE_OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "ucb": ({}, {"beta": 2.0}),
    "hit": ({}, {"threshold": 0.5}),
    "scalarised": ({}, {"method": "chebyshev"}),
}
BATCHES: dict[str, tuple[dict[str, Any], ...]] = {
    "batchbald": ({}, {"outcomes": 16}),
    "diverse": ({}, {"weight": 3.0}),
    "lcmd": ({}, {"space": "features"}, {"weighted": True}),
    "liar": ({}, {"lie": "best"}, {"lie": "worst"}),
    "logdet": ({}, {"space": "features"}),
    "portfolio": ({}, {"share": 0.25}),
    "power": ({}, {"kind": "softmax"}, {"kind": "softrank", "coldness": 2.0}),
    "promising": ({}, {"share": 0.5}),
    "reduction": ({},),
    "thompson": ({},),
    "top": ({},),
}


def scores() -> dict[str, Any]:
    """Scores of each candidate."""
    pool, found = pools()["scan"], {}
    for name, kinds in SCORES.items():
        if f"score-{name}" in names.REMOVED:
            continue
        for kind in kinds:
            for options in SCORE_OPTIONS.get(name, ({},)):
                score = names.selection(name, "top", pool, options).score
                assays = BELIEFS[kind][0]
                found[f"{name} {options} {kind}"] = score(prediction(*BELIEFS[kind]), context(assays)).tolist()
    return found


def batches() -> dict[str, Any]:
    """Nine picks of each choice."""
    pool, found = pools()["scan"], {}
    features = np.random.default_rng(2).standard_normal((N, 6)).astype(np.float32)
    for name, several in BATCHES.items():
        if f"batch-{name}" in names.REMOVED:
            continue
        for options in several:
            chosen = names.selection("variance", name, pool, {}, options)
            for kind in ("values", "classes", "three classes"):
                told = prediction(*BELIEFS[kind])
                picks = chosen.batch(told, chosen.score(told, context()), 9, context(), features)
                found[f"{name} {options} {kind}"] = [f"candidate {i}" for i in picks]
    return found


SECTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "gb1": gb1,
    **{name: scan(name) for name in SCANS},
    "planted replay": planted_replay,
    "planted learning": planted_learning,
    "evaluation": evaluation,
    "learners": learners,
    "calibrations": calibrations,
    "encoders": encoders,
    "scores": scores,
    "batches": batches,
}


def main(wanted: list[str]) -> None:
    """Write those sections that are named, or all."""
    path = FOLDER / "numbers.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    for name in wanted or SECTIONS:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            known[name] = SECTIONS[name]()
        sys.stderr.write(f"{name}: {len(json.dumps(known[name]))} characters, {os.times().user:.1f} CPU-s so far\n")
    path.write_text(json.dumps(known, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
