"""What heads minimise."""

import numpy as np
import pytest
import torch

from activeloop.errors import ModelError
from activeloop.models import Classification, Ranking, Regression

HEADS = [Regression(), Ranking(), Ranking("list"), Classification()]


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_right_answers_cost_less(head):
    values = np.array([0.0, 1.0, 1.0, 0.0]) if head.name == "classification" else np.array([3.0, 7.0, 5.0, 1.0])
    targets = torch.from_numpy(head.scale(values).to_target(values)).float()
    one = torch.ones(4)
    centred = targets - targets.mean()
    assert head.loss(centred, targets, one) < head.loss(torch.zeros(4), targets, one)
    assert head.loss(torch.zeros(4), targets, one) < head.loss(-centred, targets, one)


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_unsure_values_count_less(head):
    targets = torch.tensor([1.0, 0.0, 1.0, 0.0])
    outputs = torch.zeros(4, requires_grad=True)
    (even,) = torch.autograd.grad(head.loss(outputs, targets, torch.ones(4)), outputs)
    (less,) = torch.autograd.grad(head.loss(outputs, targets, torch.tensor([0.1, 1.0, 1.0, 1.0])), outputs)
    assert abs(less[0]) < abs(even[0])


@pytest.mark.parametrize("by", ["pairs", "list"])
def test_ranking_sees_the_order_alone(by):
    outputs, one = torch.tensor([0.3, -0.2, 1.0]), torch.ones(3)
    small, large = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([-5.0, 0.0, 900.0])
    assert Ranking(by).loss(outputs, small, one) == Ranking(by).loss(outputs, large, one)


def test_classes_are_0_and_1():
    with pytest.raises(ModelError, match=r"0 \(unfit\) and 1 \(fit\)"):
        Classification().check(np.array([0.0, 2.0]))
    Classification().check(np.array([0.0, 0.5, 1.0]))
