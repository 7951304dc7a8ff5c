"""How closely a student, or any other model, follows its teacher: figures, and when they forbid to read its values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from activeloop.metrics import auroc, spearman
from activeloop.prediction import LEVELS, NORMAL, Prediction

#: share of the candidates that are the top of their predictions
TOP = 0.1
#: of the intervals
LEVEL = 0.9
#: least probability
EPSILON = 1e-4
#: with fewer candidates figures of values say nothing, nor does a top of fewer
FEWEST, FEWEST_TOP = 10, 3
#: RMSE and bias, in standard deviations of the teacher's means, above which values should not be read
WARN_RMSE, WARN_BIAS = 0.25, 0.15
#: and above which a student is not exported
REFUSED_RMSE, REFUSED_BIAS = 0.5, 0.4
#: rank correlations below which a student is not even good for ranks
WARN_ORDER, REFUSED_ORDER = 0.9, 0.5


def fidelity(teacher: Prediction, student: Prediction) -> dict[str, float]:
    """Figures of a student against its teacher, both about the same candidates.

    Args:
        teacher: N candidates.
        student: the same candidates, assays or classes.

    Returns:
        On the scale on which both work (logarithms of some assays, see `Prediction.maps`):
        `candidates`, and with three of them or more, each of the assay in which it is worst: `spearman`, `sd_spearman`
        (of the standard deviations; a correlation with a constant counts as 0), `top_recall` (share of the teacher's
        top tenth that is in the student's), `rmse` of the means and `top_bias` (mean of student less teacher over the
        teacher's top tenth), both in standard deviations of the teacher's means, `slope` of the student's means on the
        teacher's, `sd_ratio` of the mean standard deviations, and `coverage`: the share of new measurements, as the
        teacher expects them, in the student's 90 % intervals, beside `teacher_coverage` in its own. Of classes
        `spearman` of the probability of the last one, `auroc`, `kl` in nats and `top_recall`.

    >>> one = Prediction.of_draws(np.arange(20.0)[None, :, None] + np.array([-1.0, 1.0])[:, None, None])
    >>> {name: round(value, 3) for name, value in fidelity(one, one).items() if name != "sd_spearman"}
    ... # doctest: +NORMALIZE_WHITESPACE
    {'candidates': 20.0, 'spearman': 1.0, 'top_recall': 1.0, 'rmse': 0.0, 'top_bias': 0.0, 'slope': 1.0,
     'sd_ratio': 1.0, 'coverage': 0.9, 'teacher_coverage': 0.9}
    """
    count, (teacher, student) = len(teacher), _on_one_scale(teacher, student)
    if count < 3:
        return {"candidates": float(count)}
    if teacher.classes:
        return {"candidates": float(count)} | _of_classes(teacher.mean, student.mean)
    assays = [_of_values(teacher, student, a) for a in range(teacher.mean.shape[1])]
    return {"candidates": float(count)} | {name: WORST[name]([one[name] for one in assays]) for name in WORST}


def _on_one_scale(teacher: Prediction, student: Prediction) -> tuple[Prediction, Prediction]:
    """Both on the scale on which they work, such as logarithms; as values where that is not the same."""
    if teacher.shares_scale(student):
        return teacher.on_scale, student.on_scale
    return replace(teacher, maps=()), replace(student, maps=())


def _farthest(goal: float) -> Callable[[list[float]], float]:
    """Of some figures the one farthest from its goal."""
    return lambda values: max(values, key=lambda x: -1.0 if math.isnan(x) else abs(x - goal))


#: figure -> which of those of several assays counts
WORST: dict[str, Callable[[list[float]], float]] = {
    "spearman": min,
    "sd_spearman": min,
    "top_recall": min,
    "rmse": max,
    "top_bias": _farthest(0.0),
    "slope": _farthest(1.0),
    "sd_ratio": lambda values: max(values, key=lambda x: -1.0 if math.isnan(x) else abs(math.log(max(x, 1e-9)))),
    "coverage": _farthest(LEVEL),
    "teacher_coverage": _farthest(LEVEL),
}


def best_fidelity(teacher: Prediction, student: Prediction, unit: np.ndarray) -> dict[str, float]:
    """Figures over the best candidates of a pool, by the teacher.

    Args:
        teacher: N candidates.
        student: the same.
        unit: [A] standard deviations of the teacher's means over the pool, on the scale on which both work.

    Returns:
        `best_candidates` (N), and `best_rmse`, `best_bias`, `best_slope`, `best_sd_ratio` and `best_coverage`, see
        `fidelity`; the bias is that of all of them.
    """
    teacher, student = _on_one_scale(teacher, student)
    found = [_of_values(teacher, student, a, float(unit[a]), 1.0) for a in range(len(unit))]
    names = {"rmse": "best_rmse", "top_bias": "best_bias", "slope": "best_slope", "sd_ratio": "best_sd_ratio"}
    names["coverage"] = "best_coverage"
    worst = {own: WORST[name]([one[name] for one in found]) for name, own in names.items()}
    return {"best_candidates": float(len(teacher))} | worst


def _of_values(
    teacher: Prediction, student: Prediction, a: int, unit: float | None = None, top: float = TOP
) -> dict[str, float]:
    """All figures of one assay."""
    target, mean, target_sd, sd = teacher.mean[:, a], student.mean[:, a], teacher.sd[:, a], student.sd[:, a]
    unit = float(target.std()) if unit is None else unit
    apart = (mean - target) / unit if unit > 1e-9 * float(np.abs(target).max()) else np.full(len(mean), math.nan)
    best = np.argsort(-target, kind="stable")[: max(1, int(top * len(target)))]
    spread = float(target.var())
    return {
        "spearman": spearman(target, mean, undefined=0.0),
        "sd_spearman": spearman(target_sd, sd, undefined=0.0),
        "top_recall": top_recall(target, mean),
        "rmse": float(np.sqrt(np.mean(apart**2))),
        "top_bias": float(apart[best].mean()),
        "slope": float(((target - target.mean()) * mean).mean() / spread) if spread > 0 else math.nan,
        "sd_ratio": float(sd.mean() / target_sd.mean()) if target_sd.mean() > 0 else math.nan,
        "coverage": expected_coverage(teacher, student, a),
        "teacher_coverage": expected_coverage(teacher, teacher, a),
    }


def expected_coverage(expected: Prediction, stated: Prediction, assay: int) -> float:
    """Share of new measurements, as one model expects them, that lie in the 90 % intervals of another."""
    ends = [end[:, assay] for end in stated.interval(LEVEL)]
    shape = NORMAL if expected.shape is None else expected.shape[assay]
    mean = expected.mean[:, assay]
    spread = np.sqrt(expected.sd[:, assay] ** 2 + expected.noise[assay] ** 2)
    low, high = (np.interp((end - mean) / np.maximum(spread, 1e-300), shape, LEVELS, 0.0, 1.0) for end in ends)
    return float(np.where(spread > 0, high - low, (ends[0] <= mean) & (mean <= ends[1])).mean())


def _of_classes(teacher: np.ndarray, student: np.ndarray) -> dict[str, float]:
    """Of probabilities [N, C]."""
    last = teacher.argmax(1) == teacher.shape[1] - 1
    if last.all() or not last.any():
        # a teacher that puts all into one class still orders them
        last = teacher[:, -1] > np.median(teacher[:, -1])
    target, found = np.clip(teacher, EPSILON, 1), np.clip(student, EPSILON, 1)
    return {
        "spearman": spearman(teacher[:, -1], student[:, -1], undefined=0.0),
        "auroc": auroc(student[:, -1], last, undefined=0.5),
        "kl": float((target * np.log(target / found)).sum(1).mean()),
        "top_recall": top_recall(teacher[:, -1], student[:, -1]),
    }


def top_recall(teacher: np.ndarray, student: np.ndarray) -> float:
    """Share of the teacher's top tenth (one at least) that is in the student's.

    >>> top_recall(np.arange(20.0), np.arange(20.0) * (np.arange(20) != 19))
    0.5
    """
    count = max(1, int(TOP * len(teacher)))
    top, own = (np.argsort(-values, kind="stable")[:count] for values in (teacher, student))
    return float(np.isin(top, own).mean())


def warnings_of(figures: Mapping[str, float]) -> tuple[str, ...]:
    """What to know before relying on a student, in sentences; () when it follows its teacher.

    >>> warnings_of({"candidates": 100.0, "spearman": 0.98, "rmse": 0.52, "top_bias": -0.1})
    ('Use its ranks only, do not read its values: they are off by 0.52 standard deviations of the teacher.',)
    >>> warnings_of({"candidates": 100.0, "spearman": 0.99, "rmse": 0.1, "top_bias": 0.05})
    ()
    >>> warnings_of({"candidates": 2.0})
    ('Its fidelity could not be checked: too few candidates could be held out.',)
    """
    order, count = _order(figures), figures.get("candidates", FEWEST)
    if order is None:
        return ("Its fidelity could not be checked: too few candidates could be held out.",)
    found = []
    if not order >= WARN_ORDER:
        found.append(f"It orders candidates only roughly as its teacher does (rank correlation {order:.2f}).")
    if problem := values_problem(figures):
        found.append(f"Use its ranks only, do not read its values: {problem}.")
    elif count < FEWEST:
        found.append(f"Its fidelity was checked on {count:.0f} candidates only, which says little about its values.")
    return tuple(found)


def values_problem(figures: Mapping[str, float]) -> str:
    """How far values are off where that is too far to read them; "" where it is not, or not known."""
    rmse, bias = _rmse_and_bias(figures)
    far = figures.get("candidates", FEWEST) >= FEWEST and (rmse > WARN_RMSE or abs(bias) > WARN_BIAS)
    return _off(rmse, bias) if far else ""


def refusal(figures: Mapping[str, float]) -> str:
    """Why a student of such figures should not be given away; "" when it may be.

    >>> refusal({"candidates": 100.0, "spearman": 0.98, "rmse": 0.52, "top_bias": -0.1})
    'they are off by 0.52 standard deviations of the teacher'
    """
    order = _order(figures)
    if order is not None and not order >= REFUSED_ORDER:
        return f"its rank correlation with its teacher is {order:.2f}"
    rmse, bias = _rmse_and_bias(figures)
    if figures.get("candidates", FEWEST) >= FEWEST and not (rmse <= REFUSED_RMSE and abs(bias) <= REFUSED_BIAS):
        return _off(rmse, bias)
    return ""


def _rmse_and_bias(figures: Mapping[str, float]) -> tuple[float, float]:
    """The largest of both, over the untaught candidates and over the best."""
    few = figures.get("candidates", math.inf) * TOP < FEWEST_TOP
    biases = ("best_bias",) if few else ("top_bias", "best_bias")
    return _largest(figures, "rmse", "best_rmse"), _largest(figures, *biases)


def _order(figures: Mapping[str, float]) -> float | None:
    return figures.get("auroc", figures.get("spearman"))


def _largest(figures: Mapping[str, float], *names: str) -> float:
    """The figure of largest size among some; 0 where none is known, as of classes, and before values were compared."""
    known = [figures[name] for name in names if not math.isnan(figures.get(name, math.nan))]
    return max(known, key=abs, default=0.0)


def _off(rmse: float, bias: float) -> str:
    parts = [f"they are off by {rmse:.2f} standard deviations of the teacher"] if rmse > WARN_RMSE else []
    side = "high" if bias > 0 else "low"
    parts += [f"those of the best are {abs(bias):.2f} of them too {side}"] if abs(bias) > WARN_BIAS else []
    return ", ".join(parts).replace("of them", "of them" if rmse > WARN_RMSE else "standard deviations of the teacher")


def words_of(figures: Mapping[str, float]) -> str:
    """Figures in sentences; "" where nothing was measured.

    >>> words_of(
    ...     {
    ...         "spearman": 0.998,
    ...         "candidates": 150.0,
    ...         "rmse": 0.081,
    ...         "slope": 0.98,
    ...         "wild_type": 1.02,
    ...         "teacher_wild_type": 1.0,
    ...     }
    ... )  # doctest: +NORMALIZE_WHITESPACE
    'It agrees with its teacher on 150 candidates it was not trained on: Spearman 0.998; RMSE 0.08, slope 0.98. Wild
     type: 1.02, by its teacher 1.'
    """
    if _order(figures) is None:
        return ""
    ranks, values, best = (
        # a bias that is rounded to 0 has no sign
        ", ".join(words.format(figures[n]) for n, words in table.items() if n in figures).replace("-0.00", "0.00")
        for table in (_RANKS, _VALUES, _BEST)
    )
    on = f" on {figures['candidates']:,.0f} candidates it was not trained on" if "candidates" in figures else ""
    sentences = [f"It agrees with its teacher{on}: {'; '.join(filter(None, (ranks, values)))}."]
    if best:
        sentences.append(f"Over its teacher's best {figures['best_candidates']:.0f} of the pool: {best}.")
    if "wild_type" in figures:
        sentences.append(f"Wild type: {figures['wild_type']:.4g}, by its teacher {figures['teacher_wild_type']:.4g}.")
    return " ".join(sentences)


_RANKS = {"spearman": "Spearman {:.3f}", "auroc": "AUROC {:.3f}", "sd_spearman": "of its standard deviations {:.2f}"}
_VALUES = {
    "rmse": "RMSE {:.2f}",
    "top_bias": "bias of the best tenth {:+.2f} (both in standard deviations of the teacher)",
    "slope": "slope {:.2f}",
    "sd_ratio": "ratio of standard deviations {:.2f}",
    "coverage": "its 90 % intervals hold {:.0%} of what the teacher expects",
    "teacher_coverage": "the teacher's own {:.0%}",
}
_BEST = {
    "best_rmse": "RMSE {:.2f}",
    "best_bias": "bias {:+.2f}",
    "best_slope": "slope {:.2f}",
    "best_sd_ratio": "ratio of standard deviations {:.2f}",
    "best_coverage": "{:.0%} held",
}
