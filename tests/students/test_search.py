"""The search stops at the smallest student that keeps enough."""

import pytest
from teachers import SINGLES, Additive

from activeloop.errors import ConfigError
from activeloop.students import ConvNet, Distiller, Search, SiteNetwork, Transfer

SETTINGS = Distiller(SiteNetwork((4, 4)), steps=20, deviations=4, transfer=Transfer(mutants=200))
NETWORKS = (ConvNet(width=32, blocks=2), SiteNetwork((4, 4)), ConvNet(width=8, blocks=1))


def test_smallest_first_and_no_further_than_needed():
    found = Search(NETWORKS, keep=0.9, distiller=SETTINGS).teach(Additive(), SINGLES, 0, called="planted")
    assert found.enough
    assert len(found.tried) == 1
    assert found.student.card.teacher == "planted"
    assert found.student.card.agreement["spearman"] >= 0.9
    assert "the last keeps enough" in found.explain()


def test_all_are_tried_when_none_keeps_enough():
    found = Search(NETWORKS, keep=1.0, distiller=SETTINGS).teach(Additive(pairs=2.0, unsure=1.0), SINGLES, 0)
    sizes = [t.student.card.parameters for t in found.tried]
    assert sizes == sorted(sizes)
    assert found.enough == (found.tried[-1].kept >= 1)
    assert found.student.card.agreement["spearman"] == max(t.kept for t in found.tried)
    assert all(t.student.card.network in found.explain() for t in found.tried)


def test_nothing_to_try():
    with pytest.raises(ConfigError, match="Nothing was taught"):
        Search(())
