"""The shipped checks run on classes of this package, and find what breaks a promise."""

from dataclasses import dataclass

import numpy as np
import pytest

from activeloop.acquisition import Greedy
from activeloop.adapters import FullFineTuning, LoRA, PeftAdapter
from activeloop.encoders import OneHot
from activeloop.foundation import ESM2
from activeloop.models import DropoutHead, GPHead, LaplaceHead
from activeloop.replay import Landscape
from activeloop.replay.landscape import planted_landscape
from activeloop.testing import Check, checks

SUBJECTS = [LaplaceHead(), DropoutHead(), GPHead(), LoRA(rank=2, last_layers=1), FullFineTuning(last_layers=1)]
SUBJECTS += [PeftAdapter("ia3", last_layers=1), ESM2(), planted_landscape("planted-small")]
CHECKS = {
    f"{type(subject).__name__} {k}: {check}": check for k, subject in enumerate(SUBJECTS) for check in checks(subject)
}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_contract(check: Check):
    check()


class Forgetful(Greedy):
    """Its values depend on how often it was called."""

    calls = 0

    def __call__(self, prediction, context):
        type(self).calls += 1
        return super().__call__(prediction, context) + type(self).calls


@dataclass(frozen=True)
class Crowded(OneHot):
    """Its features depend on the other candidates."""

    def features(self, pool, rows):
        return super().features(pool, rows) - np.float32(len(rows))


class Lopsided(LaplaceHead):
    """Restores another posterior than it stored."""

    def restore(self, state):
        return super().restore({key: 2 * value for key, value in state.items()})


@pytest.mark.parametrize(
    ("subject", "broken"),
    [
        (Forgetful(), "values are finite and repeatable"),
        (Crowded(), "a row does not depend on the others"),
        (Lopsided(), "the state of a head is the same posterior"),
        (Landscape("gaps", planted_landscape("planted-small").pool, np.full(144, np.nan), None), "every candidate"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_a_broken_promise_is_found(subject, broken):
    (check,) = [check for check in checks(subject) if str(check).startswith(broken)]
    with pytest.raises(AssertionError):
        check()


def test_something_without_a_role_is_refused():
    with pytest.raises(TypeError, match="a str has none of the roles Learner, "):
        checks("learner")
