"""The network on NumPy against numerical derivatives and against itself."""

import numpy as np
import pytest

from activeloop.models.networks import Adam, Grid, Layers, Trainee, Training, drop, ranking, squared, to_grid

RNG = np.random.default_rng(0)


def small(hidden=(4, 3), slope=0.1) -> Layers:
    layers = Layers.initial(2, 5, hidden, slope, np.random.default_rng(1))
    return Layers(
        tuple(w.astype(np.float64) for w in layers.weights), tuple(b.astype(np.float64) for b in layers.biases), slope
    )


#: steps that change nothing in double precision
FINE = Grid(2.0**-40, 2.0**-40, 2.0**-40)


@pytest.mark.parametrize("hidden", [(), (4,), (4, 3)])
@pytest.mark.parametrize("masked", [False, True])
def test_gradients_are_derivatives(hidden: tuple[int, ...], masked: bool):
    layers, x, rows = small(hidden), RNG.standard_normal((6, 5)), np.array([0, 2, 3, 5])
    trainee = Trainee(layers, x, FINE)
    masks = drop(layers, 4, 0.5, np.random.default_rng(2)) if masked else ()
    d = RNG.standard_normal((2, 4))
    trainee.outputs(rows, masks)
    trainee.backward(d, masks)
    numeric = np.zeros_like(trainee.parameters)
    for i, value in enumerate(trainee.parameters.tolist()):
        trainee.parameters[i] = value + 1e-6
        up = (trainee.outputs(rows, masks) * d).sum()
        trainee.parameters[i] = value - 1e-6
        numeric[i] = (up - (trainee.outputs(rows, masks) * d).sum()) / 2e-6
        trainee.parameters[i] = value
    np.testing.assert_allclose(trainee.gradient, numeric, atol=1e-6)


@pytest.mark.parametrize("hidden", [(), (4,), (4, 3)])
def test_what_is_trained_is_what_predicts(hidden: tuple[int, ...]):
    layers, x = small(hidden), RNG.standard_normal((6, 5))
    outputs = Trainee(layers, x, FINE).outputs(np.arange(6))
    np.testing.assert_allclose(outputs, layers(x), atol=1e-9)
    np.testing.assert_allclose(Trainee(layers, x).outputs(np.arange(6)), layers(x), atol=0.05)
    again = Trainee(layers, x).layers().state()
    assert all((again[key] == value).all() for key, value in layers.state().items())


def test_products_are_exact_in_any_order():
    """Sums of numbers on the grids are the same in single precision forwards, backwards and in pieces."""
    rng = np.random.default_rng(5)
    grid = Grid()
    x = to_grid(rng.standard_normal((32, 120)).astype(np.float32), 2 * grid.unit)
    w = to_grid(rng.standard_normal((120, 64)).astype(np.float32) / 8, grid.weight)
    exact = x.astype(np.float64) @ w
    orders = [np.arange(120), np.arange(120)[::-1], rng.permutation(120)]
    for order in orders:
        assert (x[:, order] @ w[order] == exact).all()
        summed = np.zeros((32, 64), np.float32)
        for k in order:
            summed += x[:, [k]] * w[[k]]
        assert (summed == exact).all()


def squared_loss(s: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    return float(((w * (s - y) ** 2).sum(1) / w.sum(1)).sum())


def ranking_loss(s: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    total = 0.0
    for member, weight in zip(s, w, strict=True):
        pairs = [(i, j) for i in range(len(y)) for j in range(len(y)) if y[i] > y[j]]
        share = sum(weight[i] * weight[j] for i, j in pairs)
        total += sum(weight[i] * weight[j] * np.log1p(np.exp(member[j] - member[i])) for i, j in pairs) / share
    return total


@pytest.mark.parametrize(("gradient", "loss"), [(squared, squared_loss), (ranking, ranking_loss)])
def test_losses_are_what_their_gradients_say(gradient, loss):
    s, y = RNG.standard_normal((2, 5)), np.array([0.0, 1.0, 1.0, 3.0, -2.0])
    w = RNG.uniform(0.2, 1, (2, 5))
    w[0, 1] = 0
    numeric = np.zeros_like(s)
    for index in np.ndindex(*s.shape):
        step = np.zeros_like(s)
        step[index] = 1e-6
        numeric[index] = (loss(s + step, y, w) - loss(s - step, y, w)) / 2e-6
    np.testing.assert_allclose(gradient(s, y, w), numeric, atol=1e-6)


def test_ranking_of_ties_says_nothing():
    assert not ranking(RNG.standard_normal((2, 4)), np.ones(4), np.ones((2, 4))).any()


def test_adam_takes_its_first_step_by_the_learning_rate():
    array = np.array([1.0, -1.0, 5.0], np.float32)
    Adam(array, rate=0.1).step(np.array([3.0, -0.01, 0.0], np.float32))
    np.testing.assert_allclose(array, [0.9, -0.9, 5.0], atol=1e-5)


def test_adam_is_that_of_the_paper():
    rng = np.random.default_rng(6)
    array, first, second = np.zeros(5, np.float64), np.zeros(5), np.zeros(5)
    adam, expected = Adam(array, rate=0.01), np.zeros(5)
    for t in range(1, 30):
        gradient = rng.standard_normal(5)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        expected -= 0.01 * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        adam.step(gradient.copy())
    np.testing.assert_allclose(array, expected, rtol=1e-6)


def test_weight_decay_shrinks_what_has_no_gradient():
    array = np.array([2.0], np.float32)
    Adam(array, rate=0.1, decay=0.5).step(np.zeros(1, np.float32))
    np.testing.assert_allclose(array, [1.9])


def test_training_learns_a_function_and_leaves_the_start_alone():
    x = RNG.standard_normal((200, 3)).astype(np.float32)
    y = np.abs(x[:, 0]) - x[:, 1]
    start = Layers.initial(3, 3, (32,), 0.0, np.random.default_rng(0))
    before = start.weights[0].copy()
    trained = Training(steps=400, rate=1e-2)(start, x, y, np.ones((3, 200), np.float32), np.random.default_rng(0))
    np.testing.assert_array_equal(start.weights[0], before)
    assert ((trained(x) - y) ** 2).mean() < 0.02 * y.var()


def test_a_member_learns_only_from_what_it_sees():
    x = np.eye(4, dtype=np.float32)
    start = Layers.initial(2, 4, (), 0.0, np.random.default_rng(0))
    weights = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], np.float32)
    trained = Training(steps=50, rate=0.1)(start, x, np.full(4, 9, np.float32), weights, np.random.default_rng(0))
    moved = np.abs(trained.weights[0] - start.weights[0])[:, :, 0] > 0
    np.testing.assert_array_equal(moved, weights > 0)


def test_ranking_learns_the_order():
    x = RNG.standard_normal((100, 3)).astype(np.float32)
    y = np.exp(3 * x[:, 0])
    start = Layers.initial(2, 3, (16,), 0.0, np.random.default_rng(0))
    training = Training(loss="ranking", steps=200, batch=32, rate=1e-2)
    trained = training(start, x, y, np.ones((2, 100), np.float32), np.random.default_rng(0))
    order = np.argsort(np.argsort(y))
    for scores in trained(x):
        assert np.corrcoef(np.argsort(np.argsort(scores)), order)[0, 1] > 0.95
