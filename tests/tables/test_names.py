"""Names of columns in the languages of Excel."""

from __future__ import annotations

import itertools

import pytest

from activeloop.tables import Table
from activeloop.tables.names import COUNTS, ROLES, SPREADS, candidate_names, plain, split_unit


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("Variante", candidate_names("variants")),
        ("MUTANTE", candidate_names("variants")),
        ("Mutación", candidate_names("variants")),
        ("Mutac\u0327a\u0303o", candidate_names("variants")),
        ("変異体", candidate_names()),
        ("Échantillon", candidate_names("compounds")),
        ("Probenname", candidate_names("guides")),
        ("SMILES", candidate_names("compounds")),
        ("Messwert [nM]", ROLES["value"]),
        ("Wert", ROLES["value"]),
        ("Wartość (nM)", ROLES["value"]),
        ("Kavität", ROLES["well"]),
        ("Well Position", ROLES["well"]),
        ("Plate.ID", ROLES["plate"]),
        ("Std.-Abw.", SPREADS["standard deviation"]),
        ("Std. Dev. (nM)", SPREADS["standard deviation"]),
        ("S.E.M.", SPREADS["standard error"]),
        ("n", COUNTS),
    ],
)
def test_a_header_is_known(header, names):
    table = Table("t.csv", ("x1", header), (["1"], ["2"]), (2,), "")
    assert table.named(names) == [header]


def test_no_name_has_two_roles():
    roles = {"candidate": candidate_names(), **ROLES, **SPREADS, "count": COUNTS}
    for (one, first), (other, second) in itertools.combinations(roles.items(), 2):
        assert not set(map(plain, first)) & set(map(plain, second)), (one, other)


def test_marks_that_make_another_letter_stay():
    assert plain("が") != plain("か")
    assert split_unit("KD (1/(M s)) mean") == ("KD mean", "1/(M s)")
