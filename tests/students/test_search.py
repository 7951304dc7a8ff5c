"""The search stops at the smallest student that is faithful enough."""

import pytest
from teachers import SINGLES, Additive

from activeloop.errors import ConfigError
from activeloop.students import ConvNet, Distiller, Search, SiteNetwork, Transfer

SETTINGS = Distiller(SiteNetwork((4, 4)), steps=20, deviations=4, transfer=Transfer(mutants=200))
NETWORKS = (ConvNet(width=32, blocks=2), SiteNetwork((4, 4)), ConvNet(width=8, blocks=1))


def test_smallest_first_and_no_further_than_needed():
    found = Search(NETWORKS, fidelity=0.9, distiller=SETTINGS).distil(Additive(), SINGLES, 0, teacher_name="planted")
    assert found.enough
    assert len(found.tried) == 1
    assert found.student.card.teacher == "planted"
    assert found.student.card.fidelity["spearman"] >= 0.9
    assert "the last is faithful enough" in found.explain()


def test_all_are_tried_when_none_is_faithful_enough():
    found = Search(NETWORKS, fidelity=1.0, distiller=SETTINGS).distil(Additive(pairs=2.0, unsure=1.0), SINGLES, 0)
    sizes = [student.card.parameters for student, _ in found.tried]
    assert sizes == sorted(sizes)
    assert found.enough == (found.tried[-1][1] >= 1)
    assert found.student.card.fidelity["spearman"] == max(fidelity for _, fidelity in found.tried)
    assert all(student.card.network in found.explain() for student, _ in found.tried)


def test_nothing_to_try():
    with pytest.raises(ConfigError, match="Nothing was trained"):
        Search(())
