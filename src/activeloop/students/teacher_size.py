"""How many numbers a teacher has, when it reads with a pretrained model."""

from __future__ import annotations

from collections.abc import Iterator

from activeloop.backbones.foundation import Foundation
from activeloop.models.assays import EachAssay
from activeloop.models.calibration.learner import Corrected
from activeloop.models.gate import Stacked
from activeloop.models.head_learner import HeadPredictor
from activeloop.predictive import Predictor


def parameters_of(teacher: Predictor) -> int:
    """Numbers of the largest pretrained model that a teacher asks; 0 for one that asks none, or that is not known.

    An adapted model counts once, however many members share it. Needs torch, as teaching does.
    """
    return max((_numbers(part) for part in _parts(teacher)), default=0)


def _parts(teacher: Predictor) -> Iterator[Predictor]:
    if isinstance(teacher, Corrected):
        yield from _parts(teacher.fitted)
    elif isinstance(teacher, EachAssay):
        for part in teacher.predictors:
            yield from _parts(part)
    elif isinstance(teacher, Stacked):
        for part, weight in zip(teacher.parts, teacher.weights, strict=True):
            if weight > 0:
                yield from _parts(part)
    else:
        yield teacher


def _numbers(part: Predictor) -> int:
    from activeloop.backbones.encoding import frozen_trunk
    from activeloop.models.finetuning.tuned import FineTuned

    if isinstance(part, FineTuned):
        return sum(p.numel() for p in part.members[0].adapted.trunk.parameters())
    if isinstance(part, HeadPredictor) and isinstance(part.columns.backbone, Foundation):
        return sum(p.numel() for p in frozen_trunk(part.columns.backbone).parameters())
    return 0
