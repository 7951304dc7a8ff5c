from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from activeloop.candidates import Pool
from activeloop.errors import MeasurementError
from activeloop.measurements import Assay, Dataset, Measurement, summarise, summarise_assay

ASSAY = Assay("kcat", "1/s")


@pytest.fixture(scope="module")
def large() -> Pool:
    return Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ", wild_type=True)


def laboratory(pool: Pool, seed: int, *, plates=4, each=22, controls=6, replicates=1, between=1.0, noise=0.5):
    """Measurements of a planted truth, the truth by name, and the planted plate effects (they sum to 0)."""
    rng = np.random.default_rng(seed)
    names = [n for n in pool.names(rng.permutation(len(pool))) if n != "WT"][: plates * each]
    truth = dict(zip([*names, "WT"], rng.normal(5.0, 2.0, len(names) + 1).tolist(), strict=True))
    shifts = rng.normal(0.0, between, plates)
    shifts -= shifts.mean()
    rows = []
    for p in range(plates):
        held = [("WT", r + 1, True) for r in range(controls)]
        held += [(n, r + 1, False) for n in names[p * each : (p + 1) * each] for r in range(replicates)]
        for i, (name, replicate, control) in enumerate(held):
            value = truth[name] + shifts[p] + rng.normal(0.0, noise)
            rows.append(Measurement(name, "kcat", value, "=", replicate, f"p{p}", f"A{i + 1}", control=control))
    return rows, truth, shifts


def test_planted_plate_effects_are_found(large):
    rows, truth, shifts = laboratory(large, 0, between=3.0, noise=0.3, controls=8)
    summary = summarise_assay(rows, ASSAY)
    found = np.array([summary.plates[f"p{p}"] for p in range(4)])
    np.testing.assert_allclose(found, shifts, atol=4 * 0.3 / np.sqrt(8))
    assert summary.noise == pytest.approx(0.3, rel=0.35)
    assert 1.0 < summary.plate_sd < 9.0
    data = summarise(rows, large, [ASSAY])
    known = np.array([truth[n] for n in large.names(data.rows)])
    raw = {m.candidate: m.value for m in rows}
    before = np.array([raw[n] for n in large.names(data.rows)])
    assert np.std(data.values[:, 0] - known) < 0.4 < 1.0 < np.std(before - known)
    assert "corrected for their plate" in summary.notes[0]


def test_candidates_repeated_across_plates_serve_as_controls(large):
    rows, truth, shifts = laboratory(large, 1, plates=2, between=3.0, noise=0.2, controls=0)
    rng = np.random.default_rng(5)
    shared = [m.candidate for m in rows if m.plate == "p0"][:8]
    rows += [
        Measurement(n, "kcat", truth[n] + shifts[1] + rng.normal(0, 0.2), "=", 2, "p1", f"H{i + 1}")
        for i, n in enumerate(shared)
    ]
    found = summarise_assay(rows, ASSAY).plates
    assert found["p1"] - found["p0"] == pytest.approx(shifts[1] - shifts[0], abs=0.4)


def test_a_plate_of_better_candidates_is_not_corrected_down(large):
    rows, _, _ = laboratory(large, 2, plates=2, between=0.0, noise=0.3, controls=8)
    rows = [replace(m, value=m.value + 10) if m.plate == "p1" and not m.control else m for m in rows]
    data = summarise(rows, large, [ASSAY])
    plate = {m.candidate: m.plate for m in rows if not m.control}
    of = np.array([plate.get(n, "") for n in large.names(data.rows)])
    assert data.values[of == "p1", 0].mean() - data.values[of == "p0", 0].mean() > 8


def test_one_plate_is_never_shifted(large):
    rows, _, _ = laboratory(large, 3, plates=1)
    summary = summarise_assay(rows, ASSAY)
    assert summary.plates == {"p0": 0.0}
    assert summary.notes == ()
    assert summary.noise > 0


def test_unlinked_plates_are_not_corrected_and_reported(large):
    rows, _, _ = laboratory(large, 4, plates=3, controls=0, replicates=2)
    summary = summarise_assay(rows, ASSAY)
    assert summary.plates == {"p0": 0.0, "p1": 0.0, "p2": 0.0}
    assert "p0; p1; p2" in summary.notes[0]
    assert "same controls" in summary.notes[0]


def test_one_dead_control_well_does_not_move_its_plate(large):
    rows, _, shifts = laboratory(large, 5, noise=0.3, controls=8)
    at = next(i for i, m in enumerate(rows) if m.plate == "p2" and m.control)
    rows[at] = replace(rows[at], value=-200.0)
    summary = summarise_assay(rows, ASSAY)
    assert summary.plates["p2"] == pytest.approx(shifts[2], abs=0.6)
    assert summary.noise < 0.6


@pytest.mark.parametrize(
    "design",
    [
        {},
        {"between": 0.0},
        {"controls": 3},
        {"plates": 2, "controls": 4},
        {"plates": 1, "controls": 0, "replicates": 2},
        {"controls": 2, "replicates": 3},
    ],
    ids=str,
)
def test_ninety_percent_intervals_cover_ninety_percent(large, design):
    covered, estimated = [], 0
    for seed in range(60):
        rows, truth, _ = laboratory(large, seed, **design)
        data = summarise(rows, large, [ASSAY])
        known = np.array([truth[n] for n in large.names(data.rows)])
        covered.append(np.abs(data.values[:, 0] - known) < 1.645 * data.errors[:, 0])
        estimated += int((data.errors > 0).all())
    assert estimated == 60
    assert 0.85 <= np.mean(np.concatenate(covered)) <= 0.95


def test_some_candidates_may_be_noisier_than_others(large):
    rng = np.random.default_rng(0)
    names = [n for n in large.names(range(60)) if n != "WT"][:40]
    sds = [0.1 if i % 2 else 2.0 for i in range(40)]
    rows = [
        Measurement(n, "kcat", rng.normal(0, sd), "=", r, "p", "A1")
        for n, sd in zip(names, sds, strict=True)
        for r in range(1, 5)
    ]
    data = summarise(rows, large, [ASSAY])
    errors = dict(zip(large.names(data.rows), data.errors[:, 0], strict=True))
    quiet = np.median([errors[n] for n, sd in zip(names, sds, strict=True) if sd < 1])
    loud = np.median([errors[n] for n, sd in zip(names, sds, strict=True) if sd > 1])
    assert loud > 2 * quiet


def test_without_any_repeat_the_error_is_unknown(large):
    rows = [Measurement(n, "kcat", float(i)) for i, n in enumerate(large.names(range(5)))]
    data = summarise(rows, large, [ASSAY])
    assert data.errors.tolist() == [[0.0]] * 5
    assert "standard errors are unknown" in summarise_assay(rows, ASSAY).notes[0]


def test_more_measurements_give_a_smaller_error(large):
    a, b, *others = large.names(range(12))
    rng = np.random.default_rng(0)
    rows = [Measurement(n, "kcat", rng.normal(), "=", r, "p", "A1") for n in others for r in (1, 2)]
    rows += [Measurement(a, "kcat", rng.normal(), "=", r, "p", "A1") for r in range(1, 5)]
    rows += [Measurement(b, "kcat", 1.0, "=", 1, "p", "A1")]
    data = summarise(rows, large, [ASSAY])
    errors = dict(zip(large.names(data.rows), data.errors[:, 0], strict=True))
    assert errors[b] == pytest.approx(2 * errors[a])


def test_a_replicate_series_without_wells_is_a_plate_of_its_own(large):
    rng = np.random.default_rng(1)
    names = large.names(range(12))
    base = rng.normal(size=12)
    rows = [
        Measurement(n, "kcat", base[i] + 3.0 * (r - 1) + rng.normal(0, 0.1), "=", r, file="f.csv")
        for i, n in enumerate(names)
        for r in (1, 2)
        if not (r == 2 and i >= 8)
    ]
    summary = summarise_assay(rows, ASSAY)
    assert summary.plates["f.csv replicate 2"] - summary.plates["f.csv replicate 1"] == pytest.approx(3.0, abs=0.2)
    assert summary.noise < 0.3


def test_limits_stay_limits_unless_a_value_was_measured(large):
    a, b, c, d = large.names(range(4))
    rows = [
        Measurement(a, "kcat", 0.3, "<"),
        Measurement(a, "kcat", 0.1, "<", 2),
        Measurement(b, "kcat", 50.0, ">"),
        Measurement(b, "kcat", 80.0, ">", 2),
        Measurement(c, "kcat", 0.1, "<"),
        Measurement(c, "kcat", 0.3, "=", 2),
        Measurement(d, "kcat", 2.0, "<"),
        Measurement(d, "kcat", 1.0, ">", 2),
    ]
    data = summarise(rows, large, [ASSAY])
    by = {n: (data.values[i, 0], data.censored[i, 0]) for i, n in enumerate(large.names(data.rows))}
    assert by == {a: (0.1, -1), b: (80.0, 1), c: (pytest.approx(0.2), 0), d: (1.5, 0)}


def test_several_assays_stand_side_by_side(large):
    a, b = large.names(range(2))
    rows = [Measurement(a, "kcat", 1.0), Measurement(b, "Tm", 55.0), Measurement(a, "Tm", 50.0)]
    data = summarise(rows, large, [ASSAY, Assay("Tm", "°C")], rounds=[1, 0, 2])
    by = dict(zip(large.names(data.rows), range(2), strict=True))
    np.testing.assert_array_equal(data.values[[by[a], by[b]]], [[1.0, 50.0], [np.nan, 55.0]])
    assert (data.rounds[by[a]], data.rounds[by[b]]) == (1, 0)


def test_classes_are_decided_by_majority(large):
    a, b = large.names(range(2))
    fit = Assay("kcat", goal="classify")
    rows = [Measurement(a, "kcat", v, "=", r) for r, v in enumerate((1.0, 1.0, 0.0), 1)]
    rows += [Measurement(b, "kcat", v, "=", r) for r, v in enumerate((1.0, 0.0), 1)]
    data = summarise(rows, large, [fit])
    assert dict(zip(large.names(data.rows), data.values[:, 0], strict=True)) == {a: 1.0, b: 0.0}


def test_factors_of_plates(large):
    rows, truth, shifts = laboratory(large, 7, between=0.5, noise=0.05, controls=8)
    summary = summarise_assay([replace(m, value=float(np.exp(m.value))) for m in rows], ASSAY, "multiplicative")
    for p in range(4):
        assert summary.plates[f"p{p}"] == pytest.approx(np.exp(shifts[p]), rel=0.15)
    means = dict(zip(summary.names, summary.means, strict=True))
    ratios = [means[n] / np.exp(truth[n]) for n in means]
    assert np.std(np.log(ratios)) < 0.08
    relative = summary.errors / summary.means
    assert 0.03 < np.median(relative) < 0.1


def test_other_spellings_are_the_same_candidate(large):
    rows = [Measurement("K2R", "kcat", 1.0), Measurement("p.Lys2Arg", "kcat", 2.0, "=", 2)]
    data = summarise(rows, large, [ASSAY])
    assert data.values.tolist() == [[1.5]]


def test_nothing_measured_is_an_empty_data_set(large):
    data = summarise([], large, [ASSAY])
    assert isinstance(data, Dataset)
    assert (len(data), data.values.shape, data.rounds.shape) == (0, (0, 1), (0,))


def test_the_order_of_the_rows_does_not_matter(large):
    rows, _, _ = laboratory(large, 8, replicates=2)
    first = summarise(rows, large, [ASSAY])
    for seed in range(3):
        mixed = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
        again = summarise(mixed, large, [ASSAY])
        assert again.hash == first.hash
        np.testing.assert_array_equal(again.errors, first.errors)


@pytest.mark.parametrize(
    ("row", "scale", "expected"),
    [
        (Measurement("W2R", "kcat", 1.0, file="f.csv", row=3), "additive", 'f.csv, row 3: "W2R" is not in the pool'),
        (Measurement("K2R", "Tm", 1.0, file="f.csv", row=3), "additive", 'f.csv, row 3: "Tm" is not an assay'),
        (Measurement("K2R", "kcat", np.nan, file="f.csv", row=3), "additive", "f.csv, row 3: .* is nan"),
        (Measurement("K2R", "kcat", np.inf), "additive", "is inf"),
        (
            Measurement("K2R", "kcat", 0.0, file="f.csv", row=3),
            "multiplicative",
            "f.csv, row 3: .*positive values only",
        ),
    ],
)
def test_what_cannot_be_summarised_is_refused(large, row, scale, expected):
    with pytest.raises(MeasurementError, match=expected):
        summarise([Measurement("T3S", "kcat", 1.0), row], large, [ASSAY], scale=scale)


def test_the_hash_counts_limits_and_hashes_of_before_still_compare(large):
    rows = [Measurement("K2R", "kcat", 1.0), Measurement("T3S", "kcat", 2.0)]
    measured = summarise(rows, large, [Assay("kcat")])
    below = summarise([rows[0], replace(rows[1], qualifier="<")], large, [Assay("kcat")])
    assert measured.hash != below.hash
    assert measured.hash == summarise(rows, large, [Assay("kcat", scale="log", bounds=(0.1, 10))]).hash
    before = "c1" + measured.hash  # no hash of any release
    assert [measured.has_hash(h) for h in (measured.hash, below.hash, before)] == [True, False, False]
    assert measured.has_hash(measured._digest(measured.values, measured.errors))


def test_standard_errors_that_came_with_means_are_those_of_the_candidates(pool):
    rows = [Measurement("K2R", "kcat", 3.0, error=0.2), Measurement("T3S", "kcat", 5.0, error=0.3)]
    rows += [Measurement("A4G", "kcat", 7.0)]
    found = summarise_assay(rows, Assay("kcat"))
    assert dict(zip(found.names, found.errors.round(9).tolist(), strict=True)) == {"K2R": 0.2, "T3S": 0.3, "A4G": 0.3}
    again = summarise_assay([*rows, Measurement("K2R", "kcat", 4.0, error=0.2, replicate=2)], Assay("kcat"))
    assert again.errors[again.names.index("K2R")] == pytest.approx(0.2 / np.sqrt(2))
    single = summarise_assay([*rows, *(Measurement("A4G", "kcat", v, replicate=2) for v in (6.0, 8.0))], Assay("kcat"))
    assert single.errors[single.names.index("K2R")] == pytest.approx(0.2)
    assert single.errors[single.names.index("A4G")] > 0.4


def on_plates(*values: tuple[str, str, float], assay: str = "IC50") -> list[Measurement]:
    """Measurements of candidates, and each control as four wells that differ by a hundredth."""
    rows = []
    for plate, name, value in values:
        wells = (0.99, 1.0, 1.0, 1.01) if name == "DMSO" else (1.0,)
        rows += [
            Measurement(name, assay, value * off, replicate=r, plate=plate, control=name == "DMSO", well=f"A{r}")
            for r, off in enumerate(wells, 1)
        ]
    return rows


#: controls differ by a fifth between plates, which is more than the best compound's value
POTENCIES = (("1", "DMSO", 20000.0), ("1", "K2R", 10.0), ("2", "DMSO", 24000.0), ("2", "T3S", 12.0))


@pytest.mark.parametrize("scale", ["log", "auto"])
def test_plates_multiply_potencies_and_never_take_them_below_nothing(scale):
    summary = summarise_assay(on_plates(*POTENCIES), Assay("IC50", "nM", "minimise", scale=scale))
    means = dict(zip(summary.names, summary.means.tolist(), strict=True))
    assert means["K2R"] / means["T3S"] == pytest.approx(1.0, rel=0.02)
    assert means["K2R"] == pytest.approx(11.0, rel=0.02)


def test_values_that_may_be_negative_are_corrected_by_adding():
    rows = on_plates(("1", "DMSO", 1.0), ("1", "K2R", 3.0), ("2", "DMSO", 2.0), ("2", "T3S", 0.5), assay="shift")
    summary = summarise_assay([*rows, *on_plates(("2", "A4G", -1.0), assay="shift")], Assay("shift"))
    means = dict(zip(summary.names, summary.means.tolist(), strict=True))
    assert means["K2R"] - means["T3S"] == pytest.approx(3.5, rel=0.02)


def test_replicates_on_a_logarithmic_scale_have_a_geometric_mean():
    rows = [Measurement("K2R", "IC50", value, replicate=r) for r, value in enumerate((1.0, 100.0), 1)]
    assert summarise_assay(rows, Assay("IC50", "nM", scale="log")).means.tolist() == pytest.approx([10.0])


def test_a_plate_takes_no_percentage_out_of_its_bounds():
    rows = on_plates(("1", "DMSO", 50.0), ("1", "K2R", 99.0), ("2", "DMSO", 70.0), ("2", "T3S", 5.0), assay="editing")
    summary = summarise_assay(rows, Assay("editing", "%", bounds=(0.0, 100.0)))
    assert summary.means.min() >= 0
    assert summary.means.max() <= 100


def repeated(levels: Sequence[float], noise: Callable[[float], float], seed: int = 0) -> list[Measurement]:
    """Two values of each candidate."""
    rng = np.random.default_rng(seed)
    names = Pool.single_mutants("MKTAYIAKQR").names(range(len(levels)))
    return [
        Measurement(name, "IC50", level + noise(level) * rng.standard_normal(), replicate=replicate)
        for name, level in zip(names, levels, strict=True)
        for replicate in (1, 2)
    ]


LEVELS = 10.0 ** np.linspace(0.5, 4, 12)


def test_noise_that_is_a_share_of_the_values_stays_one():
    rows, pool = repeated(LEVELS, lambda level: 0.1 * level), Pool.single_mutants("MKTAYIAKQR")
    data = summarise(rows, pool, [Assay("IC50", "nM", goal="minimise")])
    assert ((data.errors / data.values > 0.02) & (data.errors / data.values < 0.3)).all()
    logs = summarise(rows, pool, [Assay("IC50", "nM", goal="minimise", scale="log")])
    np.testing.assert_allclose(data.errors / data.values, logs.errors / logs.values, rtol=1e-6)


def test_noise_that_is_the_same_everywhere_stays_so():
    rows, pool = repeated(LEVELS, lambda level: 0.5), Pool.single_mutants("MKTAYIAKQR")
    data = summarise(rows, pool, [Assay("IC50", "nM", goal="minimise")])
    assert np.ptp(data.errors) == 0
    assert 0.1 < data.errors[0, 0] < 1


def test_controls_of_one_level_do_not_take_small_values_away():
    pool = Pool.single_mutants("MKTAYIAKQR")
    rows = [Measurement(n, "IC50", v) for n, v in zip(pool.names(range(12)), LEVELS, strict=True)]
    rows += [Measurement("DMSO", "IC50", value, control=True) for value in (900.0, 1000.0, 1100.0, 1020.0)]
    data = summarise(rows, pool, [Assay("IC50", "nM", goal="minimise")])
    assert (data.errors < 0.3 * data.values).all()
    percent = summarise(rows, pool, [Assay("IC50", "%", bounds=(0.0, 1e5))])
    assert np.ptp(percent.errors) == 0
