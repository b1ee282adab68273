import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, map_coordinates

from glassnet import Dataset, Network, WrongValue, train
from glassnet.data.deform import (
    DEFORMATIONS,
    Affine,
    Deformer,
    Elastic,
    as_deformation,
    deformation_from_data,
)
from glassnet.machine.hashing import hashed, mixed, uniform
from glassnet.settings import to_data

STILL = {"rotation": 0, "shear": 0, "scale": 0, "shift": 0}


def by_scipy(image, deformation, seed, epoch, row):
    """The same deformation from the documented formula: NumPy's random numbers by hash, SciPy's filter and spline."""
    side = math.isqrt(len(image))
    draw = mixed(np.array([hashed(seed, int.from_bytes(b"deform", "big"), epoch, 0) + np.uint64(row)]))
    turn, shear, tall, wide, *shift = 2 * uniform(mixed(draw + np.arange(6, dtype=np.uint64))) - 1
    angle = math.radians(deformation.rotation) * turn
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    slant = np.array([[1, 0], [deformation.shear * shear, 1]])
    stretch = np.diag([1 + deformation.scale * tall, 1 + deformation.scale * wide])
    middle = (side - 1) / 2
    pixels = np.mgrid[:side, :side].reshape(2, -1) - middle
    looks = rotation @ slant @ stretch @ pixels + middle + deformation.shift * np.array(shift)[:, None]
    if isinstance(deformation, Elastic) and deformation.alpha:
        hashes = mixed(draw + np.uint64(8) + np.arange(side * side, dtype=np.uint64)).reshape(side, side)
        fields = [
            gaussian_filter(bits * 2.0**-23 - 1, deformation.sigma, mode="constant", truncate=4)
            for bits in (hashes >> np.uint64(40), hashes & np.uint64(2**24 - 1))
        ]
        looks = looks + deformation.alpha * np.stack(fields).reshape(2, -1)
    # What is further out than one pixel is zero as well.
    return map_coordinates(
        image.reshape(side, side).astype(float), np.clip(looks, -1, side), order=1, mode="grid-constant"
    ).reshape(-1)


@pytest.fixture(scope="module")
def images(digits):
    return np.asarray(digits.train.inputs[:300])


@pytest.mark.parametrize(
    "deformation",
    [
        Affine(),
        Affine(**STILL),
        Affine(rotation=180, shear=2, scale=0.99, shift=20),
        Elastic(),
        Elastic(**STILL),
        Elastic(**STILL, alpha=300, sigma=4),  # pixels fly far out of the image
        Elastic(rotation=15, alpha=36, sigma=6),
        Elastic(alpha=2, sigma=0.4),
        Elastic(alpha=1000, sigma=40),  # the window is wider than the image
        Elastic(alpha=0),
    ],
    ids=str,
)
def test_it_is_what_scipy_makes_of_the_same_random_numbers(images, deformation):
    rows = [0, 7, 299]
    found = Deformer(images, deformation, seed=5)(rows, epoch=2)
    # Places are float32: 28 pixels to seven digits, times how far they are moved.
    tolerance = 2e-5 if getattr(deformation, "alpha", 0) < 100 else 1e-3
    for row, image in zip(rows, found, strict=True):
        assert np.abs(image - by_scipy(images[row], deformation, 5, 2, row)).max() < tolerance


@settings(max_examples=40, deadline=None)
@given(
    side=st.integers(1, 70),
    seed=st.integers(0, 2**70),
    epoch=st.integers(0, 10**6),
    sigma=st.floats(0.3, 12),
    alpha=st.floats(0, 40),
    rotation=st.floats(0, 180),
    shift=st.floats(0, 5),
)
def test_it_is_what_scipy_makes_at_any_size(side, seed, epoch, sigma, alpha, rotation, shift):
    image = np.random.default_rng(side).random((2, side * side)).astype(np.float32)
    deformation = Elastic(rotation=rotation, shift=shift, alpha=alpha, sigma=sigma)
    found = Deformer(image, deformation, seed=seed)([1], epoch)[0]
    assert np.abs(found - by_scipy(image[1], deformation, seed, epoch, 1)).max() < 1e-4 * (1 + side / 28)


def test_an_image_depends_on_seed_epoch_and_row_and_on_nothing_else(images):
    stream = Deformer(images, Elastic(), seed=3, threads=2)
    alone = stream([41], epoch=9)[0]
    rows = np.random.default_rng(0).permutation(300)
    among = stream(rows, epoch=9)[int(np.flatnonzero(rows == 41)[0])]
    assert alone.tobytes() == among.tobytes()
    assert alone.tobytes() == Deformer(images, Elastic(), seed=3, threads=1)([5, 41], epoch=9)[1].tobytes()
    others = [stream([41], 8)[0], Deformer(images, Elastic(), seed=4)([41], 9)[0]]
    moved = Deformer(images[1:], Elastic(), seed=3)([40], 9)[0]  # the same image in another row
    assert all(not np.array_equal(alone, other) for other in (*others, moved))


def test_the_bytes_do_not_depend_on_the_number_of_threads(images):
    rows = np.arange(300)
    one, *more = (Deformer(images, Elastic(), seed=1, threads=count)(rows, 0).tobytes() for count in (1, 2, 3, 7))
    assert set(more) == {one}


def test_no_two_images_of_an_epoch_and_no_two_epochs_are_deformed_alike():
    same = np.tile(np.random.default_rng(0).random(784).astype(np.float32), (200, 1))
    stream = Deformer(same, Affine())
    seen = {image.tobytes() for epoch in range(5) for image in stream(np.arange(200), epoch)}
    assert len(seen) == 1000


def test_the_draws_are_even_over_the_whole_range():
    # A dot on an empty image, only shifted: where it is now tells what was drawn.
    dot = np.zeros((4000, 21, 21), np.float32)
    dot[:, 10, 10] = 1
    moved = Deformer(dot.reshape(4000, -1), Affine(**{**STILL, "shift": 3}))(np.arange(4000), 0).reshape(-1, 21, 21)
    places = np.arange(21)
    down, across = moved.sum(2) @ places - 10, moved.sum(1) @ places - 10
    for shifts in (down, across):
        assert np.abs(shifts).max() <= 3 + 1e-5
        assert np.abs(np.histogram(shifts, 6, (-3, 3))[0] / 4000 - 1 / 6).max() < 0.03
    assert abs(np.corrcoef(down, across)[0, 1]) < 0.06


def test_pixels_of_the_elastic_field_move_as_far_as_the_docs_say():
    # A ramp tells at every pixel where it looks, in one direction. The middle, where the window is whole.
    ramp = np.tile(np.arange(64, dtype=np.float32)[:, None] * np.ones(64, np.float32), (300, 1, 1))
    moved = []
    for each in (ramp, ramp.swapaxes(1, 2)):  # the same row in the same epoch is bent alike, whatever is on it
        looked = Deformer(each.reshape(300, -1), Elastic(**STILL))(np.arange(300), 0).reshape(300, 64, 64)
        moved.append((looked - each)[:, 24:40, 24:40])
    expected = 34 * math.sqrt(1 / 3) / (2 * 4 * math.sqrt(math.pi))  # α · deviation of the noise · norm of the Gaussian
    for each in moved:
        assert abs(np.sqrt((each**2).mean()) - expected) < 0.03 * expected
    assert round(expected, 1) == 1.4
    far = np.sqrt((moved[0] ** 2 + moved[1] ** 2).mean())  # the length of the displacement
    assert abs(far - math.sqrt(2) * expected) < 0.03 * expected
    assert round(math.sqrt(2) * expected, 1) == 2.0
    assert round(math.sqrt(2) * 30 / (2 * 5 * math.sqrt(3 * math.pi)), 1) == 1.4  # elastic(alpha=30, sigma=5)


def test_nothing_moved_is_the_same_image(images):
    assert np.array_equal(Deformer(images, Affine(**STILL))(np.arange(300), 4), images)


def test_a_turn_by_hand():
    # A bar that stands is, after all draws, as long as before, and turned by no more than was allowed.
    bar = np.zeros((50, 41, 41), np.float32)
    bar[:, 8:33, 20] = 1
    turned = Deformer(bar.reshape(50, -1), Affine(**{**STILL, "rotation": 30}))(np.arange(50), 0).reshape(-1, 41, 41)
    down, across = np.mgrid[:41, :41] - 20
    angles = []
    for image in turned:
        assert abs(image.sum() - 25) < 1
        spread = np.array([[(image * a * b).sum() for a in (down, across)] for b in (down, across)])
        long = np.linalg.eigh(spread)[1][:, -1]
        angles.append(math.degrees(math.atan(long[1] / long[0])))
    assert 20 < max(map(abs, angles)) < 30.5
    assert min(angles) < 0 < max(angles)


def test_a_stream_of_epochs(images):
    stream = Deformer(images, Elastic(), seed=2)
    epochs = stream.epochs(first=3)
    for epoch in (3, 4):
        assert next(epochs).tobytes() == stream(np.arange(300), epoch).tobytes()


@pytest.mark.parametrize("inputs", [np.zeros((3, 783), np.float32), np.zeros((3, 0), np.float32)])
def test_only_square_images_can_be_deformed(inputs):
    with pytest.raises(WrongValue, match="only square images can be deformed"):
        Deformer(inputs, Affine())


@pytest.mark.parametrize("rows", [[-1], [300]])
def test_rows_that_are_not_there(images, rows):
    with pytest.raises(WrongValue, match="rows must be whole numbers from 0 to 299"):
        Deformer(images, Affine())(rows, 0)


def test_no_rows(images):
    assert Deformer(images, Elastic())(np.zeros(0, np.int64), 0).shape == (0, 784)


def test_inputs_of_other_kinds_and_layouts(images):
    expected = Deformer(images, Elastic())([1, 2], 0)
    for other in (images.astype(np.float64), np.asfortranarray(images), images[:, ::-1][:, ::-1]):
        assert np.array_equal(Deformer(other, Elastic())([1, 2], 0), expected)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Affine(rotation=-1), "rotation of affine must be a finite number at least 0 and at most 180, got -1"),
        (lambda: Affine(scale=1), "scale of affine must be a finite number at least 0 and below 1, got 1"),
        (lambda: Affine(shear=math.nan), "shear of affine must be a finite number at least 0 and at most 2, got nan"),
        (lambda: Affine(shift=math.inf), "shift of affine must be a finite number"),
        (lambda: Elastic(sigma=0), "sigma of elastic must be a finite number above 0"),
        (lambda: Elastic(alpha=-1), "alpha of elastic must be a finite number at least 0"),
        (lambda: Elastic(rotation=200), "rotation of elastic must be"),
        (lambda: as_deformation("magic"), "unknown deformation 'magic': choose one of affine, elastic"),
        (lambda: as_deformation("affine(alpha=3)"), "unknown field 'alpha' of the deformation affine"),
        (lambda: deformation_from_data({"name": "affine", "rotation": 500}), "rotation of affine must be"),
        (lambda: Deformer(np.zeros((1, 9)), Affine(), threads=0), "threads must be a whole number from 1, got 0"),
    ],
)
def test_wrong_settings(made, message):
    with pytest.raises(WrongValue) as error:
        made()
    assert message in str(error.value)


def test_settings_in_words_and_in_data():
    assert as_deformation("none") is None
    assert as_deformation(None) is None
    assert as_deformation("affine") == Affine()
    assert as_deformation("elastic(alpha=38, sigma=5)") == Elastic(alpha=38, sigma=5)
    for deformation in (Affine(shift=2), Elastic(rotation=3, sigma=6)):
        assert as_deformation(str(deformation)) == deformation
        assert deformation_from_data(to_data(deformation)) == deformation
    assert set(DEFORMATIONS) == {"affine", "elastic"}


def test_training_learns_from_what_the_deformer_makes(images):
    # One epoch with deformation is one epoch on the deformed images.
    targets = np.eye(10, dtype=np.float32)[np.arange(300) % 10]
    network = Network.random((784, 12, 10))
    deformed = Deformer(images, Elastic(), seed=6)(np.arange(300), 0)
    for engine in ("fused", "reference"):
        here, there = (
            [*train(network, Dataset(inputs, targets), epochs=1, seed=6, engine=engine, quiet=True, deform=deform)][-1]
            for inputs, deform in ((images, Elastic()), (deformed, None))
        )
        for a, b in zip(here.checkpoint.network.layers, there.checkpoint.network.layers, strict=True):
            assert a.weight.tobytes() == b.weight.tobytes()
            assert a.bias.tobytes() == b.bias.tobytes()
