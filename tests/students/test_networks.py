"""What every network of a student promises."""

import numpy as np
import pytest
import torch

from activeloop.candidates import Pool
from activeloop.encoders import OneHot
from activeloop.errors import ConfigError, ModelError
from activeloop.foundation import ESM2
from activeloop.measurements import Dataset
from activeloop.models import HeadLearner, MutationGP
from activeloop.prediction import Learner
from activeloop.students import ConvNet, FirstLayers, SiteNetwork, SmallTransformer
from activeloop.students.distil.config import Network, Shape
from activeloop.students.distil.export import to_onnx
from activeloop.students.distil.modules import Additive, Net, SiteTable
from activeloop.students.distil.networks import network_for
from activeloop.students.distil.teacher import principal_components

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
PARENT = (12, 10, 5, 9, 2, 3)
SHAPE = Shape(22, 6, PARENT, 5)
ORPHAN = Shape(22, 6, (), 5)
NETWORKS: dict[str, Network] = {
    "sites": SiteNetwork((8, 8)),
    "sites, one layer": SiteNetwork((8,)),
    "sites, averaged": SiteNetwork((8, 8), averaged=True),
    "convolutional": ConvNet(width=8, blocks=2, kernel=3),
    "no blocks": ConvNet(width=8, blocks=0),
    "transformer": SmallTransformer(layers=2, width=8, heads=2),
}


@pytest.fixture(params=[*NETWORKS, "first layers"])
def network(request: pytest.FixtureRequest, tiny: str) -> Network:
    """Each network; one is a copy of a tiny foundation model."""
    if request.param == "first layers":
        return FirstLayers(1, ESM2(tiny), LETTERS)
    return NETWORKS[request.param]


def built(network: Network, shape: Shape = SHAPE, seed: int = 0) -> Net:
    net = network.build(shape, seed)
    assert isinstance(net, Net)
    net.eval()
    net.encoder.cache_parent()
    return net


def tokens(count: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(2, 22, (count, width)))


def test_shape_and_kind(network: Network):
    for shape in (SHAPE, ORPHAN):
        numbers = built(network, shape)(tokens(7, 6))
        assert numbers.shape == (7, 5)
        assert numbers.dtype == torch.float32
        assert numbers.isfinite().all()
        assert numbers.std(0).min() > 0


@pytest.mark.parametrize("shape", [SHAPE, ORPHAN], ids=["parent", "no parent"])
def test_padding_changes_nothing(network: Network, shape: Shape):
    net, some = built(network, shape), tokens(5, 4)
    wide = torch.nn.functional.pad(some, (0, 3))
    assert torch.allclose(net(some), net(wide), atol=1e-5)
    mixed = torch.cat([wide, tokens(2, 7, 1)])
    assert torch.allclose(net(mixed)[:5], net(some), atol=1e-5)


def test_any_width(network: Network):
    net = built(network)
    for width in (1, 6, 11):
        assert net(tokens(3, width)).isfinite().all()


def test_each_candidate_alone(network: Network):
    net, some = built(network), tokens(6, 6)
    assert torch.allclose(net(some), torch.cat([net(one[None]) for one in some]), atol=1e-5)


def test_same_seed_same_network_and_nothing_global(network: Network):
    before = torch.random.get_rng_state()
    one, same, other = (built(network, seed=s)(tokens(4, 6)) for s in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_parent_is_where_it_begins(network: Network):
    net = built(network)
    assert torch.allclose(net.encoder(torch.tensor([PARENT])), torch.zeros(1, net.encoder.width), atol=1e-5)


def test_the_cached_parent_is_that_of_training(network: Network):
    net, some = built(network), tokens(4, 6)
    cached = net(some)
    net.train()
    assert torch.allclose(net(some), cached, atol=1e-5)


def test_every_weight_learns_or_is_fixed(network: Network):
    net = network.build(SHAPE, 0)
    net.train()
    net(torch.cat([tokens(40, 6), torch.ones(1, 6, dtype=torch.int64)])).square().sum().backward()
    unused = [n for n, p in net.named_parameters() if p.requires_grad and p.grad is None]
    assert not unused


@pytest.mark.parametrize("kind", ["transformer", "first layers"])
def test_exported_as_it_is(kind: str, tiny: str):
    # the others are exported by the tests of exporting
    import onnxruntime

    net = built(NETWORKS.get(kind) or FirstLayers(1, ESM2(tiny), LETTERS))
    graph = to_onnx(net, tokens(3, 6), ("numbers",))
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    for count, width in ((1, 6), (4, 9)):
        some = tokens(count, width)
        (found,) = session.run(None, {"tokens": some.numpy()})
        assert np.allclose(np.asarray(found), net(some).detach().numpy(), atol=1e-4)


def test_many_sites_keep_it_small():
    wide = Shape(22, 400, (), 34)
    assert sum(p.numel() for p in SiteNetwork().build(wide, 0).parameters()) < 240_000


def test_names_include_sizes():
    assert len({network.name for network in NETWORKS.values()}) == len(NETWORKS)
    assert [n.sites for n in NETWORKS.values()] == [True, True, True, False, False, False]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ConvNet(kernel=4),
        lambda: SmallTransformer(width=10, heads=3),
        lambda: SiteNetwork(()),
        lambda: FirstLayers(-1),
    ],
)
def test_impossible_settings(wrong):
    with pytest.raises(ConfigError, match="othing was trained"):
        wrong()


def test_more_layers_than_there_are(tiny: str):
    with pytest.raises(ModelError, match="has 3 layers, not 4"):
        FirstLayers(4, ESM2(tiny), LETTERS).build(SHAPE, 0)
    with pytest.raises(ModelError, match="not known"):
        FirstLayers().build(SHAPE, 0)


def test_averages_predict_a_mutation_that_is_only_in_double_mutants():
    rng, sites, letters = np.random.default_rng(0), 6, range(2, 22)
    vectors = rng.standard_normal((22 * sites, 3))
    single = np.array([[*PARENT[:i], a, *PARENT[i + 1 :]] for i in range(sites) for a in letters if a != PARENT[i]])
    pairs = np.array(
        [np.where(rng.random(sites) < 0.4, single[i], single[j]) for i, j in rng.integers(114, size=(400, 2))]
    )

    def seen(tokens: np.ndarray) -> np.ndarray:
        differs = tokens != PARENT
        own = vectors[np.arange(sites) * 22 + tokens] * differs[:, :, None]
        return own.sum(1) / np.maximum(differs.sum(1), 1)[:, None]

    training = np.concatenate([single[::2], pairs])
    table = SiteTable(SHAPE, 3, averaged=True)
    table.fit(torch.from_numpy(training), seen(training))
    # the table may be turned and stretched; one straight map from it must give what is seen
    known, unseen = (table(torch.from_numpy(some)).detach().numpy() for some in (training, single[1::2]))
    found = unseen @ np.linalg.lstsq(known, seen(training), rcond=None)[0]
    error = ((found - seen(single[1::2])) ** 2).mean() / seen(single[1::2]).var()
    assert error < 0.02


def test_only_students_of_a_model_that_averages_over_mutations_do_so(tiny: str):
    pool = Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQMKTAYIAK")
    dataset = Dataset.of(pool, np.arange(0, 200, 5), np.sin(np.arange(40.0)))
    network = SiteNetwork((8, 8))

    def averaged(learner: Learner) -> bool:
        made = network_for(network, learner.fit(dataset, 0), network.tokenizer(pool), pool)
        assert isinstance(made, SiteNetwork)
        return made.averaged

    assert averaged(HeadLearner(ESM2(tiny)))
    assert not averaged(HeadLearner(ESM2(tiny, pooling="mean")))
    assert not averaged(HeadLearner(OneHot()))
    assert not averaged(MutationGP())


@pytest.mark.parametrize("seed", range(3))
def test_what_is_fitted_does_not_depend_on_the_signs_that_a_library_gives(seed: int, monkeypatch: pytest.MonkeyPatch):
    """Signs of singular vectors and eigenvectors differ between processors."""
    rng = np.random.default_rng(seed)
    some, drawn = tokens(80, 6, seed), rng.standard_normal((8, 30))
    states, targets = rng.standard_normal((80, 12)), torch.from_numpy(rng.standard_normal((80, 5))).float()

    def fitted() -> list[np.ndarray]:
        torch.manual_seed(seed)
        table, additive = SiteTable(SHAPE, 3, averaged=True), Additive(SHAPE)
        table.fit(some, states)
        intercept = additive.fit(some, targets, 0.1, 1)
        weights = (table.table.weight, additive.table.weight, additive.out.weight, intercept)
        return [principal_components(drawn, 5), *(w.detach().numpy() for w in weights)]

    before, svd, eigh = fitted(), np.linalg.svd, np.linalg.eigh

    def turned_svd(matrix: np.ndarray, **options: bool) -> tuple[np.ndarray, ...]:
        left, sizes, right = svd(matrix, **options)
        signs = rng.choice([-1.0, 1.0], len(sizes))
        return left * signs, sizes, right * signs[:, None]

    def turned_eigh(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = eigh(matrix)
        return values, vectors * rng.choice([-1.0, 1.0], len(values))

    monkeypatch.setattr(np.linalg, "svd", turned_svd)
    monkeypatch.setattr(np.linalg, "eigh", turned_eigh)
    for one, other in zip(before, fitted(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)
