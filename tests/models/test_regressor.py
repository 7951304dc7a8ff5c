import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import make_friedman1
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from activeloop.candidates import AMINO_ACIDS
from activeloop.errors import InputError, ModelError, NotationError
from activeloop.models import CandidateRegressor

PARENT = "MKTAYIAKQRQISFVKSHFSRQLE"


@parametrize_with_checks([CandidateRegressor()])
def test_it_is_an_estimator_of_scikit_learn(estimator, check):
    check(estimator)


def test_features_are_predicted_as_well_as_by_the_process_of_scikit_learn():
    X, y = make_friedman1(200, 6, noise=1.0, random_state=0)
    kernel = ConstantKernel() * Matern(nu=2.5) + WhiteKernel()
    theirs = make_pipeline(StandardScaler(), GaussianProcessRegressor(kernel, normalize_y=True, random_state=0))
    ours, others = (cross_val_score(model, X, y, cv=3).mean() for model in (CandidateRegressor(), theirs))
    assert ours > others - 0.02


def test_the_standard_deviation_is_that_of_the_function():
    X, y = make_friedman1(300, 5, noise=0.0, random_state=1)
    mean, sd = CandidateRegressor().fit(X[:100], y[:100]).predict(X[100:], return_std=True)
    np.testing.assert_allclose(CandidateRegressor().fit(X[:100], y[:100]).predict(X[100:]), mean)
    assert np.mean(np.abs(mean - y[100:]) < 1.645 * sd) == pytest.approx(0.9, abs=0.08)


def test_the_unit_of_features_and_values_does_not_matter():
    X, y = make_friedman1(60, 5, random_state=2)
    mean, sd = CandidateRegressor().fit(X, y).predict(X, return_std=True)
    other, other_sd = CandidateRegressor().fit(1e3 * X - 7, 1e-4 * y + 2).predict(1e3 * X - 7, return_std=True)
    np.testing.assert_allclose(other, 1e-4 * mean + 2, rtol=1e-6)
    np.testing.assert_allclose(other_sd, 1e-4 * sd, rtol=1e-4)


@pytest.fixture(scope="module")
def scan():
    names = [f"{old}{p}{new}" for p, old in enumerate(PARENT, 1) for new in AMINO_ACIDS if new != old]
    some = np.random.default_rng(0).permutation(len(names))[:120]
    names = [names[i] for i in some]
    return names, np.array([-0.3 * (int(name[1:-1]) % 7) - 0.1 * (name[-1] in "PG") for name in names])


@pytest.mark.parametrize(
    "given", [list, np.array, pd.Series, pl.Series, lambda x: pd.DataFrame({"mutant": x}), lambda x: np.array([x]).T]
)
def test_variants_are_cross_validated(given, scan):
    names, values = scan
    assert cross_val_score(CandidateRegressor(parent=PARENT), given(names), values, cv=2).mean() > 0.5


def test_a_prediction_is_that_of_the_name_wherever_it_stands(scan):
    model = CandidateRegressor(parent=PARENT).fit(*scan)
    together = model.predict(["A4G", "K2R:T3S", "WT", "p.Ala4Gly"], return_std=True)
    alone = [model.predict([name], return_std=True) for name in ("A4G", "K2R:T3S", "WT", "A4G")]
    np.testing.assert_allclose(together, np.hstack(alone), rtol=1e-9)


def test_sites_beyond_those_of_the_fit_are_predicted():
    model = CandidateRegressor(parent=PARENT).fit(["K2R", "T3S", "K2A"], [1.0, 2.0, 1.5])
    alone = model.predict(["Y5F"], return_std=True)
    among = model.predict(["Y5F", "Q9L", "K2R"], return_std=True)
    np.testing.assert_allclose(np.ravel(alone), [each[0] for each in among])
    assert among[1][0] > among[1][2]


def test_names_that_come_several_times_are_replicates():
    names, values = ["K2R", "p.Lys2Arg", "T3S", "A4G", "K2R"], [0.5, 1.0, 2.0, 3.0, 1.5]
    model = CandidateRegressor(parent=PARENT).fit(names, values)
    assert model.model_.dataset.values[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert (model.model_.dataset.errors > 0).all()


def test_positions_are_counted_from_where_the_user_counts():
    model = CandidateRegressor(parent=PARENT, offset=1).fit(["K1R", "T2S", "A3G"], [1.0, 2.0, 3.0])
    plain = CandidateRegressor(parent=PARENT).fit(["K2R", "T3S", "A4G"], [1.0, 2.0, 3.0])
    assert model.predict(["Y4F"]) == plain.predict(["Y5F"])


def test_compounds_and_guides_are_learned():
    alkanes = ["C" * n for n in range(1, 9)]
    model = CandidateRegressor(kind="compounds").fit(alkanes, range(8))
    assert model.predict(["CCCCCCCO"]) > model.predict(["CO"])
    rng = np.random.default_rng(0)
    guides = ["".join(rng.choice(list("ACGT"), 20)) for _ in range(40)]
    share = [guide.count("G") for guide in guides]
    assert cross_val_score(CandidateRegressor(kind="guides"), guides, share, cv=2).mean() > 0


@pytest.mark.parametrize(
    ("X", "y", "settings", "said"),
    [
        (["A4G", "K2R"], [1, 2], {}, r'such as "A4G", and nothing says of what.*parent=.*variants, compounds, guides'),
        (["CCO", "CCN"], [1, 2], {"kind": "SMILES"}, 'no kind of candidates "SMILES"'),
        (["A4G", None], [1, 2], {"parent": PARENT}, "None at index 1"),
        ("A4G", [1], {"parent": PARENT}, 'X is one name, "A4G"'),
        (["A4G", "K3R"], [1, 2], {"parent": PARENT}, r'X, row 2: "K3R"'),
        (["A4G", "K2R"], [1, 2, 3], {"parent": PARENT}, "inconsistent numbers of samples"),
        (["A4G", "K2R"], [1, np.nan], {"parent": PARENT}, "y contains NaN"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_words(X, y, settings, said):
    with pytest.raises(ValueError, match=said):
        CandidateRegressor(**settings).fit(X, y)


def test_what_cannot_be_predicted_is_refused_in_words():
    numbers = CandidateRegressor().fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(InputError, match="X holds names, and this model was fitted to numbers"):
        numbers.predict(["A4G"])
    names = CandidateRegressor(parent=PARENT).fit(["A4G", "K2R"], [0.0, 1.0])
    with pytest.raises(InputError, match="X holds none, and this model was fitted to names"):
        names.predict([[0.0]])
    with pytest.raises(NotationError, match="has T at position 3"):
        names.predict(["A3G"])
    library = [f"K2{a}:T3{b}:A4{c}" for a in "RSDE" for b in "AGLV" for c in "GSW"]
    model = CandidateRegressor(parent=PARENT).fit(library, range(len(library)))
    with pytest.raises(ModelError, match="nothing of site Y5"):
        model.predict(["Y5F"])
