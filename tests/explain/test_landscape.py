import json
import math

import numpy as np
import pytest

from glassnet import Dataset, Network, WrongValue
from glassnet.costs import cross_entropy, squared_error
from glassnet.evaluation import evaluate
from glassnet.explain.blocks import Curves, Heading, Sentence, Surface, Table
from glassnet.explain.examples import cost_and_gradient, nudged
from glassnet.explain.landscape import Landscape, landscape
from glassnet.explain.parameters import flat, unflat
from glassnet.explain.walks import Walk
from glassnet.network import Layer

PAIRS = pytest.mark.parametrize(
    ("output", "cost"), [("softmax", cross_entropy), ("sigmoid", squared_error)], ids=["softmax", "sigmoid"]
)


def a_network(sizes=(4, 5, 3), output="sigmoid", seed=0, **more):
    return Network.random(sizes, output=output, seed=seed, dtype=np.float64, **more)


def some_data(rng, n=20, sizes=(4, 5, 3), weights=False):
    inputs = rng.random((n, sizes[0]))
    targets = np.eye(sizes[-1])[rng.integers(0, sizes[-1], n)]
    return Dataset(inputs, targets, rng.random(n) if weights else None)


def a_direction(network, rng):
    return unflat(rng.standard_normal(network.count), network)


def numbers(direction):
    return np.asarray(flat(direction))


def a_walk(network, offsets, name="walk"):
    """Points that lie at these offsets (rows of numbers) from the network."""
    points = [nudged(network, unflat(np.asarray(offset), network), 1.0) for offset in offsets]
    return Walk(name, points, range(len(points)), [10 * k for k in range(len(points))])


# ── The heights are true ─────────────────────────────────────────────────────────────────────────────────────────────


@PAIRS
@pytest.mark.parametrize("sizes", [(4, 3), (4, 5, 3), (4, 6, 5, 3)], ids=str)
def test_every_point_of_the_grid_is_the_cost_of_the_network_moved_there(output, cost, sizes, rng):
    network = a_network(sizes, output)
    data = some_data(rng, 600, sizes, weights=True)  # more than are evaluated together
    u, v = a_direction(network, rng), a_direction(network, rng)
    seen = landscape(network, data, cost, directions=(u, v), span=1.5, resolution=5)
    assert seen.costs.shape == (5, 5)
    for i, y in enumerate(seen.ys):
        for j, x in enumerate(seen.xs):
            there = evaluate(nudged(nudged(network, u, float(x)), v, float(y)), data, cost).cost
            assert seen.costs[i, j] == pytest.approx(there, rel=1e-12)


@PAIRS
def test_every_point_of_a_line_is_the_cost_of_the_network_moved_there(output, cost, rng):
    network, data = a_network(output=output), some_data(rng)
    u = a_direction(network, rng)
    seen = landscape(network, data, cost, directions=(u,), span=2.0, resolution=9)
    assert seen.ys is None
    assert seen.costs.shape == (9,)
    brute = [evaluate(nudged(network, u, float(x)), data, cost).cost for x in seen.xs]
    np.testing.assert_allclose(seen.costs, brute, rtol=1e-12)


@PAIRS
@pytest.mark.parametrize("directions", ["random", "gradient", "walk"])
@pytest.mark.parametrize("dimensions", [1, 2])
def test_the_center_is_the_cost_of_the_network(output, cost, directions, dimensions, rng):
    network, data = a_network(output=output), some_data(rng, weights=True)
    walk = a_walk(network, rng.standard_normal((4, network.count)))
    seen = landscape(network, data, cost, directions=directions, dimensions=dimensions, walks=[walk], resolution=7)
    true = evaluate(network, data, cost).cost
    assert len(seen.directions) == dimensions
    assert seen.center == pytest.approx(true, rel=1e-12)
    assert seen.costs[seen.origin] == pytest.approx(true, rel=1e-12)


def test_the_center_is_the_cost_of_the_series_own_network_on_digits(digits):
    network, data = Network.random(output="softmax"), digits.validation.take(slice(0, 1000))
    seen = landscape(network, data, cross_entropy, resolution=3)
    assert seen.costs[1, 1] == pytest.approx(seen.center, rel=1e-12)
    assert seen.center == pytest.approx(evaluate(network, data, cross_entropy).cost, rel=1e-6)  # that one is in float32


@pytest.mark.torch
def test_the_heights_agree_with_pytorch(rng):
    import torch

    network, data = a_network((4, 5, 3), "softmax"), some_data(rng)
    u, v = a_direction(network, rng), a_direction(network, rng)
    seen = landscape(network, data, cross_entropy, directions=(u, v), resolution=3)
    x, y = torch.as_tensor(data.inputs), torch.as_tensor(data.targets.argmax(axis=1))
    theta, along, across = (torch.as_tensor(numbers(each)) for each in (network.layers, u, v))
    for i in range(3):
        for j in range(3):
            moved = theta + float(seen.xs[j]) * along + float(seen.ys[i]) * across
            hidden = torch.sigmoid(x @ moved[:20].reshape(5, 4).T + moved[20:25])
            z = hidden @ moved[25:40].reshape(3, 5).T + moved[40:]
            assert seen.costs[i, j] == pytest.approx(float(torch.nn.functional.cross_entropy(z, y)), rel=1e-12)


# ── Slopes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@PAIRS
@pytest.mark.parametrize("directions", ["random", "gradient"])
def test_the_slopes_are_the_central_differences_of_the_grid_and_the_gradient_times_the_direction(
    output, cost, directions, rng
):
    network, data = a_network(output=output), some_data(rng, weights=True)
    seen = landscape(network, data, cost, directions=directions, span=1e-5, resolution=3)
    width, height = 2 * seen.xs[2], 2 * seen.ys[2]
    assert seen.slopes[0] == pytest.approx((seen.costs[1, 2] - seen.costs[1, 0]) / width, abs=1e-8)
    assert seen.slopes[1] == pytest.approx((seen.costs[2, 1] - seen.costs[0, 1]) / height, abs=1e-8)
    gradient = numbers(cost_and_gradient(network, data, cost)[1])
    for slope, direction in zip(seen.slopes, seen.directions, strict=True):
        assert slope == pytest.approx(gradient @ numbers(direction), abs=1e-12)


@PAIRS
def test_along_the_gradient_the_cost_falls_as_steeply_as_it_can(output, cost, rng):
    network, data = a_network(output=output), some_data(rng)
    seen = landscape(network, data, cost, directions="gradient", span=1e-2, resolution=5)
    gradient = numbers(cost_and_gradient(network, data, cost)[1])
    down, across = (numbers(direction) for direction in seen.directions)
    np.testing.assert_allclose(down, -gradient / np.linalg.norm(gradient), rtol=1e-12)
    assert seen.lengths == pytest.approx((1.0, 1.0), rel=1e-12)
    assert seen.steepest == pytest.approx(np.linalg.norm(gradient), rel=1e-12)
    assert seen.slopes[0] == pytest.approx(-seen.steepest, rel=1e-12)
    assert abs(down @ across) < 1e-15
    assert seen.slopes[1] == pytest.approx(0.0, abs=1e-14)
    assert (np.diff(seen.costs[2, :]) < 0).all()


# ── Directions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_filter_normalization_makes_each_neurons_row_as_long_as_the_networks_own(rng):
    network, data = a_network((4, 6, 3), initializer="standard_normal"), some_data(rng, sizes=(4, 6, 3))
    seen = landscape(network, data, resolution=3)
    assert seen.normalized
    for direction in seen.directions:
        for own, made in zip(network.layers, direction, strict=True):
            for j in range(own.bias.shape[0]):
                mine = math.sqrt(sum(float(w) ** 2 for w in own.weight[j]) + float(own.bias[j]) ** 2)
                theirs = math.sqrt(sum(float(w) ** 2 for w in made.weight[j]) + float(made.bias[j]) ** 2)
                assert theirs == pytest.approx(mine, rel=1e-12)
    assert seen.lengths == pytest.approx([np.linalg.norm(numbers(network.layers))] * 2, rel=1e-12)


def test_without_normalization_random_directions_are_one_long_and_point_the_same_way_row_by_row(rng):
    network, data = a_network(), some_data(rng)
    plain = landscape(network, data, resolution=3, normalize=False)
    scaled = landscape(network, data, resolution=3)
    assert not plain.normalized
    assert plain.lengths == pytest.approx((1.0, 1.0), rel=1e-12)
    row, other = plain.directions[0][0].weight[2], scaled.directions[0][0].weight[2]
    np.testing.assert_allclose(row / np.linalg.norm(row), other / np.linalg.norm(other), rtol=1e-12)


def test_random_directions_are_nearly_at_right_angles_in_many_dimensions(digits):
    seen = landscape(Network.random(), digits.validation.take(slice(0, 10)), resolution=3)
    u, v = (numbers(direction) for direction in seen.directions)
    assert seen.cosine == pytest.approx(u @ v / np.linalg.norm(u) / np.linalg.norm(v), rel=1e-12)
    assert abs(seen.cosine) < 0.05


def test_the_same_seed_gives_the_same_landscape_and_another_seed_another(rng):
    network, data = a_network(), some_data(rng)
    first, again, other = (landscape(network, data, resolution=5, seed=seed) for seed in (3, 3, 4))
    assert (first.costs == again.costs).all()
    assert (numbers(first.directions[1]) == numbers(again.directions[1])).all()
    assert (first.costs != other.costs).sum() == 24  # all but the center


def test_a_networks_own_seed_does_not_make_it_its_own_direction(rng):
    network = a_network(initializer="standard_normal", seed=5)
    seen = landscape(network, some_data(rng), resolution=3, seed=5)
    own, drawn = numbers(network.layers), numbers(seen.directions[0])
    assert abs(own @ drawn) < 0.7 * np.linalg.norm(own) * np.linalg.norm(drawn)


def test_principal_directions_are_those_of_scikit_learn_for_the_points_and_their_mirror_images(rng):
    from sklearn.decomposition import PCA

    network, data = a_network(), some_data(rng)
    offsets = rng.standard_normal((9, network.count)) * np.linspace(3, 0.1, 9)[:, None]
    walks = [a_walk(network, offsets[:4], "first"), a_walk(network, offsets[4:], "second")]
    seen = landscape(network, data, directions="walk", walks=walks, resolution=3)
    # PCA subtracts the mean; of points with their mirror images that is the center.
    pca = PCA(n_components=2, svd_solver="full").fit(np.concatenate([offsets, -offsets]))
    for direction, component in zip(seen.directions, pca.components_, strict=True):
        ours = numbers(direction)
        np.testing.assert_allclose(ours * np.sign(ours @ component), component, atol=1e-12)
    everything = sum(np.sum(offset**2) for offset in offsets)
    held = sum(
        walk.explained[d] * np.sum(offsets[part] ** 2)
        for walk, part in zip(seen.walks, (slice(0, 4), slice(4, 9)), strict=True)
        for d in range(2)
    )
    assert held / everything == pytest.approx(pca.explained_variance_ratio_.sum(), rel=1e-12)


def test_the_point_farthest_along_a_principal_direction_is_on_its_positive_side(rng):
    network, data = a_network(), some_data(rng)
    for sign in (1, -1):
        offsets = sign * rng.standard_normal((6, network.count))
        seen = landscape(network, data, directions="walk", walks=[a_walk(network, offsets)], resolution=3)
        at = seen.walks[0].coordinates
        farthest = np.abs(at).argmax(axis=0)
        assert (at[farthest, [0, 1]] > 0).all()


def test_a_second_principal_direction_a_billionth_of_the_first_is_found(rng):
    network, data = a_network(), some_data(rng)
    u, v = np.linalg.qr(rng.standard_normal((network.count, 2)))[0].T
    # Displacements are made here and not by adding to the network, where 1e-9 would keep only half its digits.
    still = Network(tuple(Layer(0 * layer.weight, 0 * layer.bias) for layer in network.layers), network.activations)
    walk = a_walk(still, [u, -u, 1e-9 * v])
    seen = landscape(still, data, directions="walk", walks=[walk], resolution=3)
    assert abs(numbers(seen.directions[1]) @ v) == pytest.approx(1.0, abs=1e-9)


# ── Paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["walk", "given"])
def test_a_path_in_the_plane_is_all_explained_and_nowhere_off_it(kind, rng):
    network, data = a_network(), some_data(rng)
    u, v = rng.standard_normal((2, network.count))  # neither 1 long nor at right angles
    at = np.array([[2.0, 1.0], [1.0, -1.0], [0.0, 0.5], [0.0, 0.0]])
    directions = "walk" if kind == "walk" else (unflat(u, network), unflat(v, network))
    seen = landscape(network, data, directions=directions, walks=[a_walk(network, at @ [u, v])], resolution=3)
    (walk,) = seen.walks
    assert walk.total == pytest.approx(1.0, rel=1e-12)
    np.testing.assert_allclose(walk.residual, 0.0, atol=1e-12)
    np.testing.assert_allclose(walk.beneath, walk.costs, rtol=1e-12)
    if kind == "given":
        np.testing.assert_allclose(walk.coordinates, at, atol=1e-12)
        assert seen.normalized is False
        np.testing.assert_array_equal(numbers(seen.directions[0]), u)


def test_a_path_at_right_angles_to_the_plane_is_all_off_it(rng):
    network, data = a_network(), some_data(rng)
    u, v, w = np.linalg.qr(rng.standard_normal((network.count, 3)))[0].T
    directions = (unflat(u, network), unflat(u + v, network))
    seen = landscape(network, data, directions=directions, walks=[a_walk(network, [w, 3 * w])], resolution=3)
    (walk,) = seen.walks
    np.testing.assert_allclose(walk.residual, 1.0, rtol=1e-12)
    np.testing.assert_allclose(walk.coordinates, 0.0, atol=1e-12)
    assert walk.total == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(walk.beneath, seen.center, rtol=1e-12)
    np.testing.assert_allclose(
        walk.costs,
        [evaluate(nudged(network, unflat(w, network), s), data, squared_error).cost for s in (1.0, 3.0)],
        rtol=1e-12,
    )


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_a_path_half_off_the_plane_by_hand(scale, rng):
    # Directions 2u and v at right angles; a point 3u + 4w: 3 of its 5 in the plane, 4 off it. Also a hundred times smaller.
    network, data = a_network(), some_data(rng)
    u, v, w = np.linalg.qr(rng.standard_normal((network.count, 3)))[0].T
    directions = (unflat(2 * u, network), unflat(v, network))
    seen = landscape(
        network, data, directions=directions, walks=[a_walk(network, [scale * (3 * u + 4 * w)])], resolution=3
    )
    (walk,) = seen.walks
    np.testing.assert_allclose(walk.coordinates, [[1.5 * scale, 0.0]], atol=1e-12)
    np.testing.assert_allclose(walk.distance, [5.0 * scale], rtol=1e-12)
    np.testing.assert_allclose(walk.residual, [4 / 5], rtol=1e-12)
    assert walk.explained == pytest.approx((9 / 25, 0.0), abs=1e-12)
    assert walk.total == pytest.approx(9 / 25, rel=1e-12)
    shadow = nudged(network, unflat(u, network), 3.0 * scale)
    assert walk.beneath[0] == pytest.approx(evaluate(shadow, data, squared_error).cost, rel=1e-12)
    assert abs(walk.beneath[0] - walk.costs[0]) > 1e-3 * scale


def test_the_residual_is_that_of_least_squares_by_scipy_for_directions_at_any_angle(rng):
    from scipy.optimize import lsq_linear

    network, data = a_network(), some_data(rng)
    u, v, point = rng.standard_normal((3, network.count))
    v = u + 0.3 * v
    directions = (unflat(u, network), unflat(v, network))
    (walk,) = landscape(network, data, directions=directions, walks=[a_walk(network, [point])], resolution=3).walks
    best = lsq_linear(np.column_stack([u, v]), point, tol=1e-15)
    np.testing.assert_allclose(walk.coordinates[0], best.x, rtol=1e-9)
    assert walk.residual[0] == pytest.approx(np.linalg.norm(best.fun) / np.linalg.norm(point), rel=1e-9)
    assert abs(sum(walk.explained) - walk.total) > 0.01  # not at right angles, so the two do not add up


def test_a_path_that_stays_at_the_center_is_not_off_it(rng):
    network, data = a_network(), some_data(rng)
    seen = landscape(network, data, walks=[Walk("stay", [network], [0], [0])], resolution=3)
    (walk,) = seen.walks
    assert walk.residual.tolist() == [0.0]
    assert math.isnan(walk.total)
    assert walk.costs[0] == pytest.approx(seen.center, rel=1e-12)
    assert any("all its points are the network" in block.text for block in seen.blocks() if isinstance(block, Sentence))


def test_the_grid_of_a_path_covers_it_and_has_the_center_on_it(rng):
    network, data = a_network(), some_data(rng)
    u, v = np.linalg.qr(rng.standard_normal((network.count, 2)))[0].T
    offsets = [10 * u + v, 8 * u - 2 * v, 5 * u, 0 * u]  # all on one side of the center
    seen = landscape(network, data, directions="walk", walks=[a_walk(network, offsets)], resolution=41)
    (walk,) = seen.walks
    for axis, along in zip((seen.xs, seen.ys), walk.coordinates.T, strict=True):
        extent = along.max() - along.min()
        assert (axis == 0).sum() == 1
        assert axis[0] <= along.min() - 0.1 * extent + 1e-9
        assert axis[-1] >= along.max() + 0.1 * extent - 1e-9
        assert axis[-1] - axis[0] < 1.3 * extent  # and not much more
        np.testing.assert_allclose(np.diff(axis), axis[1] - axis[0], rtol=1e-12)
    assert seen.origin[1] < 8  # the path is to the right, so the center is near the left end
    assert seen.costs[seen.origin] == pytest.approx(seen.center, rel=1e-12)


def test_a_span_is_taken_as_it_is(rng):
    network, data = a_network(), some_data(rng)
    walk = a_walk(network, rng.standard_normal((3, network.count)))
    seen = landscape(network, data, directions="walk", walks=[walk], span=0.25, resolution=5)
    np.testing.assert_allclose(seen.xs, [-0.25, -0.125, 0, 0.125, 0.25])
    np.testing.assert_allclose(seen.ys, seen.xs)
    assert seen.origin == (2, 2)


def walked(network, data, batch, steps, rate=1.0):
    """Plain gradient descent, by the central formula: each step −rate · ∇C of its minibatch."""
    points, looked = [network], [0]
    for step in range(steps):
        rows = slice(step * batch % len(data), step * batch % len(data) + batch)
        points.append(nudged(points[-1], cost_and_gradient(points[-1], data.take(rows), squared_error)[1], -rate))
        looked.append(looked[-1] + batch)
    return Walk(f"minibatches of {batch}", points, range(steps + 1), looked)


def test_two_clocks_show_the_true_costs_of_the_full_and_the_minibatch_path(rng):
    start, data = a_network(), some_data(rng, 40, weights=True)
    full, mini = walked(start, data, 40, 6), walked(start, data, 4, 30)
    seen = landscape(mini.points[-1], data, directions="walk", walks=[full, mini], resolution=5)
    by_steps, by_examples = seen.clocks()
    assert (by_steps.x, by_examples.x) == ("optimizer steps", "examples looked at")
    for walk, steps, examples in zip((full, mini), by_steps.curves, by_examples.curves, strict=True):
        true = [evaluate(point, data, squared_error).cost for point in walk.points]
        np.testing.assert_allclose(steps.ys, true[1:], rtol=1e-12)  # the clocks are logarithmic: 0 is not on them
        np.testing.assert_allclose(examples.ys, true[1:], rtol=1e-12)
        assert steps.xs.tolist() == list(walk.steps[1:])
        assert examples.xs.tolist() == list(walk.examples[1:])
        assert steps.name == walk.name
    assert by_examples.curves[0].xs[-1] == 240
    assert by_examples.curves[1].xs[-1] == 120


def test_points_of_any_precision_are_walked(rng):
    network, data = Network.random((4, 5, 3)), some_data(rng)
    later = Network.random((4, 5, 3), seed=1)
    (walk,) = landscape(network, data, walks=[Walk("two", [network, later], [0, 5], [0, 50])], resolution=3).walks
    assert walk.costs[1] == pytest.approx(evaluate(later.to(np, dtype=np.float64), data, squared_error).cost, rel=1e-12)


@pytest.mark.parametrize("directions", ["random", "gradient", "walk"])
def test_every_library_gives_the_same_numbers(xp, directions, rng):
    network, data = a_network(output="softmax"), some_data(rng, weights=True)
    walk = a_walk(network, rng.standard_normal((3, network.count)))
    asked = {"directions": directions, "walks": [walk], "resolution": 3}
    here = landscape(network, data, cross_entropy, **asked)
    there = landscape(network.to(xp), data, cross_entropy, **asked)
    np.testing.assert_allclose(there.costs, here.costs, rtol=1e-12)
    np.testing.assert_allclose(there.xs, here.xs, rtol=1e-12)
    assert there.slopes == pytest.approx(here.slopes, abs=1e-14)
    for ours, theirs in zip(here.walks, there.walks, strict=True):
        np.testing.assert_allclose(theirs.costs, ours.costs, rtol=1e-12)
        np.testing.assert_allclose(theirs.coordinates, ours.coordinates, rtol=1e-9, atol=1e-12)
    assert type(there.directions[0][0].weight) is type(xp.asarray([0.0]))
    # and with the data, the walk and the directions in that library too
    moved = Dataset(*(xp.asarray(each) for each in (data.inputs, data.targets, data.weights)))
    theirs = Walk("walk", [point.to(xp) for point in walk.points], walk.steps, walk.examples)
    again = landscape(network, moved, cross_entropy, directions=there.directions, walks=[theirs], resolution=3)
    assert again.costs[again.origin] == pytest.approx(here.center, rel=1e-12)
    np.testing.assert_allclose(again.walks[0].costs, here.walks[0].costs, rtol=1e-12)


# ── What is shown ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("directions", ["random", "gradient", "walk", "given"])
@pytest.mark.parametrize("normalize", [True, False])
def test_a_plane_shows_its_surface_tracks_shares_residual_and_clocks(directions, normalize, rng):
    network, data = a_network(), some_data(rng)
    walk = walked(network, data, 4, 5)
    given = (a_direction(network, rng), a_direction(network, rng)) if directions == "given" else directions
    seen = landscape(walk.points[-1], data, directions=given, walks=[walk], resolution=5, normalize=normalize)
    assert isinstance(seen, Landscape)
    blocks = list(seen.blocks())
    assert isinstance(blocks[0], Heading)
    (surface,) = (block for block in blocks if isinstance(block, Surface))
    assert (surface.values == seen.costs).all()
    assert (surface.tracks[0].points == seen.walks[0].coordinates).all()
    assert len([block for block in blocks if isinstance(block, Curves)]) == 2
    assert len([block for block in blocks if isinstance(block, Table)]) == 2
    said = " ".join(block.text for block in blocks if isinstance(block, Sentence))
    assert "of the variance of its points about the center" in said
    assert "differ from the surface beneath them by up to" in said
    assert ("filter-normalized" in said) == (directions == "random" and normalize)
    assert f"2 dimensions of {network.count}" in said


@pytest.mark.parametrize("directions", ["random", "gradient", "walk", "given"])
def test_a_line_shows_its_curve_and_the_true_costs_of_the_path(directions, rng):
    network, data = a_network(), some_data(rng)
    walk = walked(network, data, 4, 5)
    given = (a_direction(network, rng),) if directions == "given" else directions
    seen = landscape(walk.points[-1], data, directions=given, dimensions=1, walks=[walk], resolution=5)
    curves = next(block for block in seen.blocks() if isinstance(block, Curves))
    assert (curves.curves[0].ys == seen.costs).all()
    assert (curves.curves[1].ys == seen.walks[0].costs).all()
    assert curves.marks == ((0.0, seen.center, "the network"),)
    assert seen.cosine == 0.0


def test_without_paths_there_are_no_clocks(rng):
    seen = landscape(a_network(), some_data(rng), resolution=3)
    assert seen.clocks() is None
    assert not any(isinstance(block, Curves) for block in seen.blocks())


def test_the_facts_name_the_lowest_and_the_highest_point_of_the_grid(rng):
    network, data = a_network(), some_data(rng)
    seen = landscape(network, data, resolution=5, span=3.0)
    facts = dict([block for block in seen.blocks() if isinstance(block, Table)][-1].rows)
    i, j = np.argwhere(seen.costs == seen.costs.min())[0]
    assert facts["lowest cost on the grid"] == (
        f"{seen.costs.min():.4g}, at ({seen.xs[j]:.4g}, {seen.ys[i]:.4g})".replace("-", "−")
    )
    assert facts["highest cost on the grid"].startswith(f"{seen.costs.max():.4g}")
    assert facts["slope along x at the center, ∇C · direction"] == seen.slopes[0]


def test_as_data_it_has_the_numbers_but_not_the_thousands_of_the_directions(rng):
    network, data = a_network(), some_data(rng)
    seen = landscape(network, data, walks=[Walk("stay", [network], [0], [0])], resolution=3)
    found = json.loads(json.dumps(seen.to_data(), allow_nan=False))
    assert found["costs"] == seen.costs.tolist()
    assert found["network"]["sizes"] == [4, 5, 3]
    assert found["walks"][0]["total"] is None
    assert found["cost_function"] == {"name": "squared_error"}
    assert "directions" not in found


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"directions": "walk"}, "give at least one with walks="),
        ({"directions": "hessian"}, 'must be "random", "gradient", "walk", or one or two'),
        ({"directions": ()}, "a tuple of one or two directions"),
        ({"dimensions": 3}, "1, a line, or 2, a plane, got 3"),
        ({"resolution": 40}, "odd number from 3 to 401"),
        ({"resolution": 1}, "odd number from 3 to 401"),
        ({"resolution": 403}, "odd number from 3 to 401"),
        ({"span": 0.0}, "span must be a finite number above 0"),
        ({"span": math.inf}, "span must be a finite number above 0"),
        ({"seed": -1}, "seed"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused_in_a_sentence(asked, said, rng):
    with pytest.raises(WrongValue) as caught:
        landscape(a_network(), some_data(rng), **asked)
    assert said in str(caught.value)


def test_directions_that_do_not_fit_are_refused(rng):
    network, data = a_network(), some_data(rng)
    good = a_direction(network, rng)
    other = a_direction(a_network((4, 6, 3)), rng)
    zero = unflat(np.zeros(network.count), network)
    broken = unflat(np.full(network.count, np.nan), network)
    for directions, said in [
        ((good, other), "direction 2 must have the shapes of the network's own layers (4-5-3)"),
        ((zero,), "direction 1 must have a length above 0"),
        ((broken,), "direction 1 must be finite numbers"),
        ((good, unflat(-2 * numbers(good), network)), "lie on one line"),
    ]:
        with pytest.raises(WrongValue) as caught:
            landscape(network, data, directions=directions, resolution=3)
        assert said in str(caught.value)


def test_data_or_a_cost_that_does_not_fit_is_refused(rng):
    with pytest.raises(WrongValue, match="takes 4"):
        landscape(a_network(), some_data(rng, sizes=(7, 3)))
    with pytest.raises(WrongValue, match="cross_entropy"):
        landscape(a_network(), some_data(rng), cross_entropy)


def test_a_network_without_a_gradient_has_no_direction_of_it(rng):
    network = a_network(hidden="step", output="step")
    with pytest.raises(WrongValue, match="gradient of this network is 0"):
        landscape(network, some_data(rng), directions="gradient")


def test_walks_that_do_not_fit_are_refused(rng):
    network, data = a_network(), some_data(rng)
    for points, said in [
        ([a_network((4, 6, 3))], "(4-6-3, sigmoid, sigmoid) must have the sizes and activations of the network"),
        ([a_network(output="softmax")], "(4-5-3, sigmoid, softmax) must have the sizes and activations"),
        ([nudged(network, a_direction(network, rng), math.inf)], "NaN or infinity"),
    ]:
        with pytest.raises(WrongValue) as caught:
            landscape(network, data, walks=[Walk("w", points, [0], [0])], resolution=3)
        assert said in str(caught.value)


def test_a_plane_needs_points_off_the_center_and_off_one_line(rng):
    network, data = a_network(), some_data(rng)
    offset = rng.standard_normal(network.count)
    straight = a_walk(network, [offset, 2 * offset, 0 * offset])
    with pytest.raises(WrongValue, match=r"two walked points not in line with the center.*dimensions=1"):
        landscape(network, data, directions="walk", walks=[straight], resolution=3)
    line = landscape(network, data, directions="walk", dimensions=1, walks=[straight], resolution=3)
    assert line.walks[0].total == pytest.approx(1.0, rel=1e-12)
    with pytest.raises(WrongValue, match="one walked point off the center"):
        landscape(network, data, directions="walk", dimensions=1, walks=[Walk("stay", [network], [0], [0])])


def test_a_landscape_that_leaves_the_numbers_is_refused(rng):
    network, data = a_network(hidden="relu", output="identity"), some_data(rng)
    with pytest.raises(WrongValue, match="too large for a number: choose a smaller span"):
        landscape(network, data, span=1e200, resolution=3)
    huge = nudged(network, network.layers, 1e200)
    with pytest.raises(WrongValue, match="it has diverged"):
        landscape(huge, data, resolution=3)
