"""Whether a version that was just fitted becomes current: not when it is clearly worse than the one that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from activeloop.campaigns.events import Version
from activeloop.campaigns.front import logarithmic
from activeloop.campaigns.state import CampaignState
from activeloop.campaigns.validation import MIN_RESULTS, STANDARD_ERRORS
from activeloop.measurements import Assay, Dataset
from activeloop.measurements.dataset import levels_of
from activeloop.models.base import EachAssay
from activeloop.models.out_of_fold import OutOfFold
from activeloop.prediction import Predictor


def losses(predicted: np.ndarray, values: np.ndarray, assay: Assay, logarithmic: bool, two: bool = False) -> np.ndarray:
    """[N] how wrong predictions are: absolute errors in the assay's unit, or in powers of ten; of two values squared.

    Ranks are not compared: where a model knows nothing, its out-of-fold predictions rank results the wrong way round,
    because each is the mean of the others.

    >>> losses(np.array([2.0]), np.array([5.0]), Assay("kcat"), False).tolist()
    [3.0]
    >>> losses(np.array([0.1]), np.array([100.0]), Assay("kcat"), True).tolist()
    [3.0]
    """
    if two or assay.is_two:
        return (predicted - values) ** 2
    if logarithmic:
        return np.abs(np.log10(np.abs(predicted)) - np.log10(np.abs(values)))
    return np.abs(predicted - values)


def out_of_fold_of(predictor: Predictor, dataset: Dataset) -> np.ndarray:
    """[N, A] what a version predicts of the results it was fitted to, by models without them; NaN where nothing.

    Args:
        predictor: of the version.
        dataset: what it was fitted to, oriented.
    """
    found = np.full(dataset.values.shape, np.nan)
    parts: Sequence[Predictor] = predictor.predictors if isinstance(predictor, EachAssay) else (predictor,)
    for a, part in enumerate(parts if len(parts) == len(dataset.assays) else ()):
        rows = np.flatnonzero(~np.isnan(dataset.values[:, a]))
        predicted = part.held_out() if isinstance(part, OutOfFold) else np.zeros(0)
        if len(predicted) == len(rows):
            found[rows, a] = predicted
    return found


def unseen_of(
    version: Version, state: CampaignState, out_of_fold: np.ndarray, then: Dataset, now: Dataset
) -> np.ndarray:
    """[N, A] what an earlier version predicted of the results that count now, without having seen them.

    Args:
        version: the earlier one.
        state: of the campaign, with the proposals that it predicted.
        out_of_fold: [M, B] its out-of-fold predictions.
        then: what it was fitted to, oriented.
        now: what counts now, oriented.
    """
    found = np.full(now.values.shape, np.nan)
    place = {row: i for i, row in enumerate(now.rows.tolist())}
    before = {assay.name: b for b, assay in enumerate(then.assays)}
    pairs = np.array([(i, place[row]) for i, row in enumerate(then.rows.tolist()) if row in place], np.int64)
    i, j = pairs.reshape(-1, 2).T
    for a, assay in enumerate(now.assays):
        if assay.name in before:
            found[j, a] = out_of_fold[i, before[assay.name]]
    columns = {assay.name: a for a, assay in enumerate(now.assays)}
    known, pool = set(then.rows.tolist()), now.pool
    for proposal in (p for p in state.proposals if p.version == version.number):
        for pick in proposal.picks:
            row = pool.row_of(pick.name)
            if row is None or row in known or row not in place:
                continue
            for p in pick.predictions:
                if (a := columns.get(p.assay)) is not None:
                    found[place[row], a] = now.assays[a].sign * p.mean
    return found


def evidence_against(new: np.ndarray, old: np.ndarray, dataset: Dataset, version: Version) -> str:
    """Why a new version must not become current by itself, in words; "" where nothing speaks against it.

    Both predicted the same results without having seen them: the new one out of fold, the current one out of fold or on
    the plates that it predicted before they were measured. The new one is held back when its mean error is larger by
    more than two standard errors of the paired difference in one assay, and smaller by as much in none. Below twenty
    results nothing is concluded.

    Args:
        new: [N, A] predicted by the new version, larger is better.
        old: [N, A] by the current one.
        dataset: what the new version was fitted to, oriented.
        version: the current one.
    """
    worse, scales = "", logarithmic(dataset.assays, version)
    for a, assay in enumerate(dataset.assays):
        values = dataset.values[:, a]
        log = assay.name in scales
        two = assay.is_two or levels_of(dataset, a) is not None
        wrong, before = (losses(one[:, a], values, assay, log, two) for one in (new, old))
        known = np.isfinite(wrong - before) & (dataset.censored[:, a] == 0)
        if (count := int(known.sum())) < MIN_RESULTS:
            continue
        difference = wrong[known] - before[known]
        error = float(difference.std(ddof=1)) / math.sqrt(count)
        if difference.mean() < -STANDARD_ERRORS * error:
            return ""
        if difference.mean() > STANDARD_ERRORS * error and not worse:
            kind = "Brier score" if two else f"mean error{' in powers of ten' * log}"
            worse = (
                f"it predicts {count:,} results that neither had seen less well than version {version.number} "
                f"({assay.name}: {kind} {wrong[known].mean():.3g} against {before[known].mean():.3g}, "
                f"with a standard error of {error:.2g} of the difference)"
            )
    return worse
