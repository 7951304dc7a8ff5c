"""The scale of an assay, its bounds and its censored values, whatever the learner and the kind of candidates."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activeloop import Assay, Campaign, Measurement, Pool
from activeloop.acquisition import (
    AcquisitionContext,
    ExpectedImprovement,
    Greedy,
    Recommender,
    UpperConfidenceBound,
    VarianceReduction,
    choose,
)
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.metrics import spearman
from activeloop.models import GuideGP, MLPEnsemble, MutationGP, RandomForest, SiteGP, TanimotoGP
from activeloop.models.calibration import Calibrated, Isotonic
from activeloop.models.default import default_learner, library_default
from activeloop.models.scale import ScaledPredictor, scale_of
from activeloop.prediction import Learner, Prediction, ValueMap

SUBSTITUENTS = {
    **{"F": 0.0, "Cl": -1.0, "Br": -1.5, "OC": 1.0, "C": 0.5, "N(C)C": 2.0, "O": 1.5, "N#C": 0.8},
    **{"FC(F)(F)": -2.0, "CS(=O)(=O)": 2.5},
}
OTHER = {"N#C": "C#N", "FC(F)(F)": "C(F)(F)F", "CS(=O)(=O)": "S(C)(=O)=O"}


def homologues(tmp_path) -> tuple[Pool, np.ndarray]:
    """400 benzanilides and their log10 IC50, which depends on both substituents and the chain."""
    made = {
        f"{a}c1ccc(cc1)C(=O)N{'C' * n}c1cccc(c1){OTHER.get(b, b)}": SUBSTITUENTS[a] + 0.7 * SUBSTITUENTS[b] - 0.6 * n
        for a in SUBSTITUENTS
        for b in SUBSTITUENTS
        for n in (1, 2, 3, 4)
    }
    (tmp_path / "pool.csv").write_text("smiles\n" + "\n".join(made) + "\n")
    return Pool.from_table(tmp_path / "pool.csv", kind="compounds"), np.array(list(made.values()))


@pytest.mark.parametrize("extreme", [False, True])
def test_potency_in_micromolar_finds_the_best_as_its_logarithm_does(tmp_path, extreme):
    pool, truth = homologues(tmp_path)
    rng = np.random.default_rng(0)
    train = rng.permutation(len(truth))[:96]
    rest = np.setdiff1d(np.arange(len(truth)), train)
    measured = truth[train] + 0.1 * rng.normal(size=96)
    if extreme:  # what curve fits extrapolate to
        measured = np.where(measured < 2.2, measured, 6 * measured)
    found = {}
    for name, values in {"log10": measured, "uM": 10**measured}.items():
        loop = Campaign(pool, [Assay("IC50", goal="minimise")], learner=default_learner(pool, "find"))
        names = pool.names(train)
        loop.record([Measurement(n, "IC50", float(v)) for n, v in zip(names, values, strict=True)])
        version = loop.fit()
        table = loop.predict(rest)
        found[name] = truth[rest][np.argsort(table.mean[:, 0])[:10]].mean()
        assert ("logarithmic" in version.explanation) == (name == "uM")
    assert table.low.min() > 0
    assert found["uM"] == pytest.approx(found["log10"], abs=0.02)
    if not extreme:
        assert found["uM"] < np.sort(truth[rest])[:10].mean() + 0.1


LEARNERS = {
    "variants": (MutationGP(), SiteGP(), SiteGP(ranked=True), MLPEnsemble(members=3), RandomForest(trees=5)),
    "compounds": (TanimotoGP(), Calibrated(TanimotoGP(), Isotonic())),
    "guides": (GuideGP(),),
}


@pytest.mark.parametrize("goal", ["maximise", "minimise"])
@pytest.mark.parametrize(("kind", "learner"), [(k, each) for k, some in LEARNERS.items() for each in some])
def test_every_learner_on_logarithms_is_the_same_learner_on_logarithms(pools, planted, kind, learner: Learner, goal):
    pool = pools[kind]
    plain = planted(pool, 40)
    sign = -1 if goal == "minimise" else 1
    power = sign * plain.values / 2
    assay = Assay("IC50", "nM", goal, scale="log")
    logs = replace(plain, values=plain.values / 2, assays=(Assay("log", scale="linear"),))
    data = replace(plain, values=10.0**power, assays=(assay,)).oriented()
    rows = np.arange(60)
    model = learner.fit(data, 3)
    found, expected = (m.predict(pool, rows, 1, draws=8) for m in (model, learner.fit(logs, 3)))
    np.testing.assert_allclose(np.log10(sign * found.mean), sign * expected.mean, atol=1e-6)
    np.testing.assert_allclose(found.on_scale.mean, expected.mean, atol=1e-6)
    np.testing.assert_allclose(found.on_scale.sd, expected.sd, rtol=1e-6)
    np.testing.assert_allclose(found.on_scale.draws, expected.draws, atol=1e-4)
    assert (sign * found.draws > 0).all()
    for end, place in zip(found.interval(0.9), expected.interval(0.9), strict=True):
        np.testing.assert_allclose(sign * end, 10 ** (sign * place), rtol=1e-5)
    again = learner.restore(data, 3, model.state()).predict(pool, rows, 1, draws=8)
    assert np.array_equal(again.draws, found.draws)
    assert np.array_equal(np.array(again.interval(0.5)), np.array(found.interval(0.5)))


def test_auto_takes_logarithms_for_factors_alone(pools, planted):
    data = planted(pools["variants"], 60)
    normal = data.values - data.values.min() + 1.0
    assert scale_of(replace(data, values=normal))[0].log is False
    assert scale_of(replace(data, values=10.0**data.values))[0].log
    assert scale_of(replace(data, values=10.0**data.values - 1e-9 - (10.0**data.values).min()))[0].log is False
    alike = 8 + 0.1 * data.values  # such as pIC50: the two scales hardly differ
    found, why = scale_of(replace(data, values=alike - alike.min() + 6))
    assert not found.log
    assert "span" in why


def test_of_few_values_the_span_decides(pools):
    pool = pools["variants"]
    few = Dataset.of(pool, np.arange(5), np.array([1.0, 3.0, 9.0, 30.0, 100.0]))
    assert scale_of(few)[0].log
    assert not scale_of(replace(few, values=few.values[:, :] ** 0.5))[0].log
    assert "5 values span 2.0 powers of ten" in scale_of(few)[1]


def test_no_value_at_or_below_zero_is_fitted_on_logarithms(pools, planted):
    data = replace(planted(pools["variants"], 20), values=np.arange(20.0)[:, None])
    with pytest.raises(ModelError, match=r"logarithmic scale and has the value .* not above 0\. Void it"):
        SiteGP().fit(replace(data, assays=(Assay("x", scale="log"),)), 0)


@pytest.mark.parametrize("learner", [MutationGP(), SiteGP(), MLPEnsemble(members=3), RandomForest(trees=5)])
@pytest.mark.parametrize(("bounds", "goal"), [((0, 100), "maximise"), ((0, 100), "minimise"), ((0, None), "maximise")])
def test_predictions_stay_within_bounds(pools, planted, learner, bounds, goal):
    pool = pools["variants"]
    data = planted(pool, 40)
    ranks = np.argsort(np.argsort(data.values[:, 0])) / 39
    percent = np.clip(130 * ranks - 10, -4, 104)[:, None]  # noise takes some beyond
    data = replace(data, values=percent, assays=(Assay("inhibition", "%", goal, bounds=bounds),)).oriented()
    model = learner.fit(data, 0)
    prediction = model.predict(pool, np.arange(len(pool)), 0, draws=16)
    sign, (low, high) = data.assays[0].sign, data.assays[0].ends
    for each in (prediction.mean, prediction.draws, *prediction.interval(0.95)):
        assert (sign * each >= low).all()
        assert (sign * each <= high).all()
    assert prediction.mean.std() > 1
    plain = replace(data, assays=(replace(data.assays[0], bounds=None),))
    unbounded = learner.fit(plain, 0).predict(pool, np.arange(len(pool)), 0, draws=0)
    assert (np.argsort(prediction.mean[:, 0]) == np.argsort(unbounded.mean[:, 0])).mean() > 0.99  # the order stays
    again = learner.restore(data, 0, model.state()).predict(pool, np.arange(30), 0, draws=16)
    np.testing.assert_allclose(again.draws, prediction.draws[:, :30], atol=1e-3)
    best = 104.0 if goal == "maximise" else -4.0
    context = AcquisitionContext.blank(np.random.default_rng(0))
    context = replace(context, best_f=np.array([sign * best]), highest=prediction.highest)
    if np.isfinite(prediction.highest).all():
        assert (ExpectedImprovement()(prediction.on_scale, context) < 1e-9).all()  # nothing can be better than the best
        assert (UpperConfidenceBound(2.0)(prediction.on_scale, context) <= prediction.highest).all()


@pytest.mark.parametrize("bounds", [(0, 100), (0, None), (-5, 100), (None, 100)])
@pytest.mark.parametrize("goal", ["maximise", "minimise"])
def test_a_bound_of_0_is_none_on_logarithms_that_auto_chose(pools, planted, bounds, goal):
    pool = pools["variants"]
    data = planted(pool, 40)
    ranks = np.argsort(np.argsort(data.values[:, 0])) / 39
    percent = 10.0 ** (4 * ranks - 2)[:, None]  # 0.01 to 100
    data = replace(data, values=percent, assays=(Assay("residual", "%", goal, bounds=bounds),)).oriented()
    model = SiteGP().fit(data, 0)
    assert model.map.log
    prediction = model.predict(pool, np.arange(len(pool)), 0, draws=16)
    values = data.assays[0].sign * prediction.mean
    assert (values > 0).all()
    assert (values <= (bounds[1] or np.inf)).all()
    assert not np.isnan(prediction.highest).any()
    again = SiteGP().restore(data, 0, model.state()).predict(pool, np.arange(30), 0, draws=16)
    np.testing.assert_allclose(again.mean, prediction.mean[:30], rtol=1e-6)


def test_candidates_on_logarithms_are_chosen_as_those_of_the_logarithms(tmp_path):
    pool, truth = homologues(tmp_path)
    rows = np.random.default_rng(1).permutation(400)[:40]
    picks = []
    for assay, values in (
        (Assay("IC50", goal="minimise"), 10.0 ** truth[rows]),
        (Assay("log", goal="minimise", scale="linear"), truth[rows]),
    ):
        data = Dataset.of(pool, rows, values, assay).oriented()
        model = TanimotoGP().fit(data, 0)
        for score in (UpperConfidenceBound(2.0), ExpectedImprovement(), Greedy()):
            chosen = choose(model, pool, n=8, select=Recommender(score), seed=0, excluded=rows.tolist(), dataset=data)
            picks.append([c.row for c in chosen])
    assert picks[:3] == picks[3:]


def test_a_batch_does_not_depend_on_the_unit(pools, planted):
    pool, data = pools["variants"], planted(pools["variants"], 40)
    picks = []
    for unit in (1.0, 1e-9):
        scaled = replace(data, values=unit * data.values)
        model = MLPEnsemble(members=8).fit(scaled, 0)
        select = Recommender(Greedy(), VarianceReduction())
        picks.append([c.row for c in choose(model, pool, n=8, select=select, seed=0, dataset=scaled)])
    assert picks[0] == picks[1]


def test_limits_beyond_which_a_candidate_is_predicted_do_not_pull_it_back(pools, planted, truth):
    pool = pools["variants"]
    data = planted(pool, 80)
    limit = float(np.quantile(data.values, 0.6))
    censored = np.where(data.values < limit, -1, 0).astype(np.int8)
    limited = replace(data, values=np.maximum(data.values, limit), censored=censored)
    others = np.setdiff1d(np.arange(len(pool)), data.rows)[:800]
    for learner in (SiteGP(), RandomForest(trees=50)):
        found = {}
        for name, each in {"limits": limited, "as values": replace(limited, censored=np.zeros_like(censored))}.items():
            found[name] = spearman(learner.fit(each, 0).predict(pool, others, 0, 0).mean[:, 0], truth(pool)[others])
        assert found["limits"] > found["as values"] + 0.02
    model = Calibrated(SiteGP()).fit(limited, 0)
    again = Calibrated(SiteGP()).restore(limited, 0, model.state())
    first, second = (m.predict(pool, others, 0, 4).draws for m in (model, again))
    assert np.array_equal(first, second)


def test_a_state_without_a_scale_restores_as_it_was_fitted(pools, planted):
    # versions fitted before there were scales
    pool = pools["variants"]
    data = replace(planted(pool, 40), values=10.0 ** planted(pool, 40).values)
    learner = Calibrated(SiteGP())
    linear = replace(data, assays=(Assay("value", scale="linear"),))
    state = {k: v for k, v in learner.fit(linear, 0).state().items() if not k.startswith("scale/")}
    model = learner.restore(data, 0, state)
    assert not isinstance(model, ScaledPredictor)
    expected = learner.fit(linear, 0).predict(pool, np.arange(20), 0, 4)
    assert np.array_equal(model.predict(pool, np.arange(20), 0, 4).draws, expected.draws)


def test_assays_on_different_scales_stay_apart(pools, planted):
    pool, data = pools["variants"], planted(pools["variants"], 40)
    both = replace(
        data,
        values=np.hstack([10.0 ** (-data.values / 2), 5 * data.values]),
        errors=np.zeros((40, 2)),
        censored=np.zeros((40, 2), np.int8),
        assays=(Assay("IC50", "nM", "minimise"), Assay("yield", "%")),
    ).oriented()
    prediction = SiteGP().fit(both, 0).predict(pool, np.arange(50), 0, draws=4)
    assert (prediction.draws[..., 0] < 0).all()
    assert [each.log for each in prediction.maps] == [True, False]
    alone = SiteGP().fit(replace(data, values=5 * data.values), 0).predict(pool, np.arange(50), 0, draws=0)
    np.testing.assert_allclose(prediction.mean[:, 1], alone.mean[:, 0])
    np.testing.assert_allclose(prediction.interval(0.8)[1][:, 1], alone.interval(0.8)[1][:, 0])


@given(
    st.lists(st.tuples(st.floats(-30, 30), st.floats(0, 5)), min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from([-1, 1]),
    st.floats(0, 2),
)
def test_from_the_scale_to_values_and_back(places, log, sign, noise):
    mean, sd = np.array(places).T[:, :, None]
    values_map = ValueMap(log, sign, -np.inf, np.inf if log else 1e6, centre=2.0)
    on_scale = Prediction(mean[None].astype(np.float32), mean, sd, np.array([noise]))
    values = on_scale.in_values([values_map])
    back = values.on_scale
    for name in ("mean", "sd", "noise", "draws"):
        np.testing.assert_allclose(getattr(back, name), getattr(on_scale, name), rtol=1e-4, atol=1e-5)
    low, high = values.interval(0.9)
    assert (low <= values.mean).all()
    assert (values.mean <= high).all()
    assert np.array_equal(ValueMap.of(values_map.numbers()).numbers(), values_map.numbers())


def test_the_default_of_libraries_keeps_its_choice_where_values_are_no_factors(pools, planted):
    model = library_default().fit(planted(pools["variants"], 24), 0)
    assert not isinstance(model, ScaledPredictor)
