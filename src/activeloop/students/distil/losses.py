"""What is minimised while a student learns."""

from __future__ import annotations

import torch
from torch.nn import functional

#: spreads below this share of the usual one count as it
FLOOR = 0.1
#: each candidate of a minibatch is compared with those so many places before it
NEIGHBOURS = (1, 2, 4, 8)


def probabilities_of(location: torch.Tensor, deviations: torch.Tensor) -> torch.Tensor:
    """[N, C] probabilities averaged over the draws, as `Scaled` averages them."""
    centre = location.unsqueeze(1)
    return torch.cat([(centre + deviations).softmax(2), (centre - deviations).softmax(2)], 1).mean(1)


def softened(probabilities: torch.Tensor, temperature: float) -> torch.Tensor:
    """[N, C] logarithms of probabilities at a temperature above 1, which are nearer to each other."""
    return torch.log_softmax(probabilities.clamp(min=1e-8).log() / temperature, 1)


def divergence(teacher: torch.Tensor, student: torch.Tensor, temperature: float) -> torch.Tensor:
    """T^2 KL(teacher || student) of probabilities [N, C], softened; the mean over candidates.

    Source: Hinton et al. 2015, arXiv:1503.02531.

    >>> same = torch.tensor([[0.2, 0.8]])
    >>> round(float(divergence(same, same, 2.0)), 6)
    0.0
    """
    goal, found = softened(teacher, temperature), softened(student, temperature)
    return temperature**2 * (goal.exp() * (goal - found)).sum(1).mean()


def marginal(
    mean: torch.Tensor, sd: torch.Tensor, found: torch.Tensor, spread: torch.Tensor, temperature: float
) -> torch.Tensor:
    """T^2 KL of the teacher's normal distributions from the student's, all widened by T; the mean over all.

    Args:
        mean: [N, A] of the teacher.
        sd: [N, A] of the teacher.
        found: [N, A] mean of the student.
        spread: [N, A] standard deviation of the student.
        temperature: T; the spreads are multiplied by it, so larger ones care less for the means.

    >>> one, two = torch.ones(3, 1), torch.full((3, 1), 2.0)
    >>> round(float(marginal(one, two, one, two, 1.0)), 6)
    0.0
    """
    floor = FLOOR * sd.mean(0) + 1e-6
    goal, own = sd.square() + floor**2, spread.square() + floor**2
    ratio = goal / own
    apart = (mean - found).square() / own
    return 0.5 * (temperature**2 * (ratio - 1 - ratio.log()) + apart).mean()


def order(mean: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    """Divergence of which of two candidates is the better one, of each candidate and those next to it in a minibatch.

    How sure the teacher is depends on how far its means lie apart, in units of half the usual distance.

    Args:
        mean: [N] of the teacher.
        found: [N] of the student.

    >>> apart = torch.tensor([0.0, 1.0, 2.0])
    >>> bool(order(apart, apart) < order(apart, -apart))
    True
    """
    gap, own = (torch.cat([values - values.roll(k) for k in NEIGHBOURS]) for values in (mean, found))
    usual = gap.abs().median().clamp(min=1e-3) / 2
    goal = torch.sigmoid(gap / usual)
    own, gap = own / usual, gap / usual
    # the teacher's own entropy is taken off, so that 0 is the least there is
    return (functional.softplus(own) - goal * own - functional.softplus(gap) + goal * gap).mean()


def joint(deviations: torch.Tensor, found: torch.Tensor, usual: torch.Tensor) -> torch.Tensor:
    """Share of the deviations [N, S, A] that the student's do not hold; `usual` is the teacher's variance [A]."""
    return ((deviations - found).square() / usual.clamp(min=1e-12)).mean()
