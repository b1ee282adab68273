"""Paths that a training walked: what a walk must be, and which networks a trail keeps."""

import numpy as np
import pytest

from glassnet import Network
from glassnet.errors import WrongValue
from glassnet.explain.walks import Trail, Walk


def a_network(sizes=(4, 5, 3), seed=0):
    return Network.random(sizes, seed=seed, dtype=np.float64)


@pytest.mark.parametrize(
    ("count", "steps", "examples", "said"),
    [
        (0, [], [], "has no points"),
        (2, [0], [0, 10], "2 points, so it needs as many numbers of steps, got 1"),
        (2, [0, 1], [0, 10, 20], "2 points, so it needs as many numbers of examples, got 3"),
        (2, [1, 1], [0, 10], "steps of the walk 'w' must be whole numbers from 0 that grow"),
        (2, [0, 1], [10, 0], "examples of the walk 'w' must be whole numbers from 0 that grow"),
        (2, [-1, 1], [0, 10], "from 0"),
    ],
    ids=str,
)
def test_a_walk_needs_points_and_two_clocks_that_go_forwards(count, steps, examples, said):
    with pytest.raises(WrongValue) as caught:
        Walk("w", [a_network()] * count, steps, examples)
    assert said in str(caught.value)


def test_the_points_of_a_walk_are_alike():
    with pytest.raises(WrongValue, match="point 1 of the walk 'w'"):
        Walk("w", [a_network(), a_network((4, 6, 3))], [0, 1], [0, 1])


def test_a_trail_is_dense_at_the_start_and_even_after_it():
    trail = Trail("t", points=5)
    networks = [a_network(seed=seed) for seed in range(401)]
    for step, network in enumerate(networks):
        trail.add(network, step, 10 * step)
    path = trail.path
    assert path.steps[:6] == (0, 1, 2, 3, 4, 5)
    assert path.steps[-1] == 400
    assert len(path.points) < 50
    assert np.diff(path.steps).max() <= 128
    assert path.examples == tuple(10 * step for step in path.steps)
    assert all(point is networks[step] for point, step in zip(path.points, path.steps, strict=True))


def test_a_trail_takes_the_last_network_of_a_step_and_never_goes_back():
    first, second, other = (a_network(seed=seed) for seed in range(3))
    trail = Trail("t")
    with pytest.raises(WrongValue, match="nothing was walked yet"):
        _ = trail.path
    trail.add(first, 0, 0)
    trail.add(second, 0, 0)
    assert trail.path.points == (second,)
    trail.add(first, 3, 30)
    assert trail.ending(other).points == (second, other)
    assert trail.path.points == (second, first)
    with pytest.raises(WrongValue, match="step 2 came after step 3"):
        trail.add(first, 2, 40)
