"""Forest, network ensemble, ALDE's config, dropout: what is particular to each."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from activeloop.candidates import Guide, Pool
from activeloop.encoders import Kmers, Morgan, OneHot, Physicochemical, SiteEncoder
from activeloop.encoders.sequence import Joined
from activeloop.errors import ModelError, PoolError
from activeloop.measurements import Dataset
from activeloop.models import DropoutNetwork, MLPEnsemble, RandomForest, Training, alde_ensemble
from activeloop.models.base import in_pieces
from activeloop.models.dropout import thinned
from activeloop.models.ensemble import seen
from activeloop.models.networks import Layers
from activeloop.priors import Blosum

PROTEIN = Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQ")


def test_forest_is_scikit_learns(pools, planted):
    from sklearn.ensemble import RandomForestRegressor

    dataset = planted(pools["variants"], 60)
    rows = np.arange(100)
    model = RandomForest().fit(dataset, seed=7)
    x = OneHot().features(dataset.pool, dataset.rows)
    baseline = RandomForestRegressor(100, random_state=int(np.random.default_rng(7).integers(2**31)))
    baseline.fit(x, dataset.values[:, 0])
    prediction = model.predict(dataset.pool, rows, seed=0, draws=100)
    np.testing.assert_allclose(
        prediction.mean[:, 0], baseline.predict(OneHot().features(dataset.pool, rows)), rtol=1e-5
    )
    np.testing.assert_allclose(
        np.sort(prediction.draws.mean(1), axis=0)[0],
        min(tree.predict(OneHot().features(dataset.pool, rows)).mean() for tree in baseline.estimators_),
        rtol=1e-5,
    )


def test_members_see_their_share():
    table = seen(40, 30, 0.9, np.random.default_rng(0))
    assert (table.sum(1) == 27).all()
    assert len(np.unique(table, axis=0)) == 30
    assert (seen(10, 25, 0.9, np.random.default_rng(0)).min(0) == 0).all()
    assert (seen(3, 1, 0.5, np.random.default_rng(0)) == 1).all()


def test_alde_is_the_published_recipe(pools, planted):
    dataset = planted(pools["variants"], 50)
    state = alde_ensemble().fit(dataset, seed=0).state()
    assert [state[f"w{i}"].shape for i in range(3)] == [(5, 63, 30), (5, 30, 30), (5, 30, 1)]
    np.testing.assert_allclose(state["lines"], np.tile([0, dataset.values.max()], (5, 1)))


def test_precise_values_count_more():
    pool = PROTEIN
    rows = np.arange(40)
    values = np.where(rows % 2 == 0, 1.0, -1.0)
    pairs = np.tile(np.arange(20), 2)
    dataset = Dataset.of(pool, pairs[:20], values[:20])
    errors = np.where(values[:20] > 0, 0.0, 30.0)[:, None]
    learner = MLPEnsemble(members=3, hidden=(8,), share=1.0, training=Training(steps=40, rate=1e-2))
    plain = learner.fit(dataset, 0).predict(pool, rows, 0).mean.mean()
    trusted = learner.fit(Dataset(**{**dataset.__dict__, "errors": errors}), 0).predict(pool, rows, 0).mean.mean()
    assert trusted > plain + 0.1


def test_a_warm_start_knows_the_prior_before_any_value():
    learner = MLPEnsemble(members=3, hidden=(32,), prior_score=Blosum())
    prior = learner.prior(PROTEIN)
    assert prior is not None
    rows = np.arange(len(PROTEIN))
    score = Blosum().features(PROTEIN, rows)[:, 0]
    assert spearmanr(prior.predict(PROTEIN, rows, 0).mean[:, 0], score).statistic > 0.9
    assert "prior score" in prior.explain()


def test_a_warm_start_helps_where_the_prior_is_right():
    rows = np.arange(len(PROTEIN))
    truth = Blosum().features(PROTEIN, rows)[:, 0] + 0.1 * np.random.default_rng(0).standard_normal(len(rows))
    few = np.random.default_rng(1).choice(rows, 12, replace=False)
    found = []
    for score in (None, Blosum()):
        model = MLPEnsemble(members=4, hidden=(32,), prior_score=score).fit(Dataset.of(PROTEIN, few, truth[few]), 0)
        found.append(spearmanr(model.predict(PROTEIN, rows, 0).mean[:, 0], truth).statistic)
    assert found[1] > found[0] + 0.3


@pytest.mark.parametrize(
    "learner", [DropoutNetwork(rate=0.0), DropoutNetwork(hidden=())], ids=["rate 0", "no hidden layer"]
)
def test_dropout_without_effect_is_refused(learner: DropoutNetwork, pools, planted):
    with pytest.raises(ModelError, match="do not differ"):
        learner.fit(planted(pools["variants"], 10), seed=0)


def test_a_thinned_network_lacks_some_units_for_every_candidate():
    layers = Layers.initial(1, 6, (10, 10), 0.0, np.random.default_rng(0))
    networks = thinned(layers, 0.5, 200, seed=3)
    assert networks.weights[1].shape == (200, 10, 10)
    cut = ~networks.weights[1].any(2)
    assert 0.4 < cut.mean() < 0.6
    np.testing.assert_allclose(networks.weights[1][0][~cut[0]], 2 * layers.weights[1][0][~cut[0]])
    np.testing.assert_array_equal(thinned(layers, 0.5, 20, seed=3).weights[2], networks.weights[2][:20])


def test_pieces_make_the_whole():
    pool, rows = PROTEIN, np.random.default_rng(0).permutation(len(PROTEIN))
    whole = OneHot().features(pool, rows).sum(1)
    np.testing.assert_array_equal(in_pieces(OneHot(), pool, rows, lambda x: x.sum(1)), whole)
    sizes = []

    def model(x: np.ndarray) -> np.ndarray:
        sizes.append(x.size)
        return x.sum(1)

    np.testing.assert_array_equal(in_pieces(OneHot(), pool, rows, model, cells=5000), whole)
    assert len(sizes) > 10
    assert max(sizes) <= 5000


@pytest.mark.parametrize("encoder", [OneHot(), Physicochemical(relative=True), Joined((OneHot(True), OneHot()))])
@pytest.mark.parametrize("hidden", [(), (8,), (64, 32)])
def test_the_mean_by_tables_of_letters_is_the_mean(encoder, hidden):
    library = Pool.combinatorial("MKTAYIAKQR", [1, 3, 4, 8, ("Q9", "QRE")])
    rng = np.random.default_rng(0)
    rows = rng.choice(len(library), 60, replace=False)
    learner = MLPEnsemble(encoder, members=3, hidden=hidden, training=Training(steps=20))
    model = learner.fit(Dataset.of(library, rows, 50 + rng.standard_normal(60)), seed=1)
    assert isinstance(encoder, SiteEncoder)
    for chosen in (rows[:0], rows[:1], np.arange(40_000), rng.permutation(len(library))[:3000]):
        whole = model.predict(library, chosen, seed=0, draws=0).mean
        np.testing.assert_allclose(model.mean(library, chosen), whole, rtol=1e-5, atol=1e-5)


def test_the_mean_is_made_of_features_where_these_look_at_several_sites():
    guides = Pool.of([Guide("".join(letters)) for letters in np.random.default_rng(0).choice(list("ACGT"), (40, 23))])
    learner = MLPEnsemble(Kmers(), members=2, training=Training(steps=5))
    model = learner.fit(Dataset.of(guides, np.arange(30), np.arange(30.0)), seed=0)
    rows = np.arange(40)
    assert not isinstance(learner.encoder, SiteEncoder)
    np.testing.assert_array_equal(model.mean(guides, rows), model.predict(guides, rows, 0, 0).mean)


def test_a_learner_of_compounds_refuses_proteins():
    with pytest.raises(PoolError, match="no molecules"):
        RandomForest(Morgan()).fit(Dataset.of(PROTEIN, np.arange(3), np.arange(3.0)), 0)
