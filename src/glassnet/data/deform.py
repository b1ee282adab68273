"""Deformations of images: the same digit, written a little differently, as often as one likes.

A network that has seen a digit turned, slanted, stretched and bent does not take those for another digit. So before each
epoch every training image is deformed anew, at random (Simard, Steinkraus and Platt, 2003; Cireşan et al., 2010). What
an image becomes is a function of (seed, epoch, image) and nothing else, so any step can be replayed.

**Where a pixel looks.** The pixel at p = (down, right) of the new image shows what the old one has at

    q = m + R(θ) [[1, 0], [k, 1]] diag(v, h) (p − m) + t + u(p)

with m the middle of the image, R(θ) = [[cos θ, −sin θ], [sin θ, cos θ]], and θ, k, v − 1, h − 1 and both parts of t drawn
evenly from ± the settings' numbers. Between pixels, what is there is mixed from the four around it (bilinear); outside is
0. u is the elastic field: for each pixel and direction an even random number between −1 and 1, smoothed by a Gaussian of
standard deviation σ pixels (cut off at 4 σ, with 0 beyond the image), times α.

>>> import numpy as np
>>> square = np.zeros((1, 28, 28), np.float32)
>>> square[:, 8:20, 8:20] = 1
>>> stream = Deformer(square.reshape(1, 784), Elastic(), seed=3)
>>> first, again, next_epoch = stream([0], epoch=0), stream([0], epoch=0), stream([0], epoch=1)
>>> bool((first == again).all()), bool((first == next_epoch).all())
(True, False)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from glassnet.arrays import Array, to_numpy
from glassnet.errors import WrongValue
from glassnet.machine.hashing import hashed
from glassnet.machine.threads import available, check_threads, together
from glassnet.settings import Setting, as_setting, check_number, from_data, table

__all__ = ["DEFORMATIONS", "Affine", "Deformation", "Deformer", "Elastic", "as_deformation", "deformation_from_data"]

_STREAM = int.from_bytes(b"deform", "big")
"""Tells these random numbers from dropout's, which are hashes of the same seed."""
_CUT = 4.0
"""Standard deviations from its middle at which the smoothing Gaussian is cut off."""
_THREAD = 24
"""Images for which one more thread is taken."""


class Deformation(Setting):
    """How images are deformed."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Affine(Deformation):
    """Turned, slanted, stretched and moved: straight lines stay straight.

    Attributes:
        rotation: degrees, at most, to either side.
        shear: pixels to the side for each pixel of height, at most.
        scale: share by which the image is stretched or shrunk, at most, down and across independently.
        shift: pixels, at most, down and across independently.

    Errors: :class:`~glassnet.errors.WrongValue` for a number out of its bounds.
    """

    name: ClassVar[str] = "affine"
    rotation: float = 10.0
    shear: float = 0.1
    scale: float = 0.1
    shift: float = 1.0

    def __post_init__(self) -> None:
        check_number(f"rotation of {self.name}", self.rotation, least=0, most=180)
        check_number(f"shear of {self.name}", self.shear, least=0, most=2)
        check_number(f"scale of {self.name}", self.scale, least=0, below=1)
        check_number(f"shift of {self.name}", self.shift, least=0, most=1000)


@dataclass(frozen=True, slots=True)
class Elastic(Affine):
    """Bent as if drawn on rubber, and affine as well.

    Attributes:
        alpha: how far pixels are moved: the smoothed field of random numbers times this. At α = 34 and σ = 4, Simard's
            values, the root mean square of the displacement is 1.4 pixels in each direction, 2.0 in both together.
        sigma: how wide a bend is, in pixels.

    Errors: :class:`~glassnet.errors.WrongValue` for a number out of its bounds.
    """

    name: ClassVar[str] = "elastic"
    alpha: float = 34.0
    sigma: float = 4.0

    def __post_init__(self) -> None:
        Affine.__post_init__(self)
        check_number("alpha of elastic", self.alpha, least=0, most=1e6)
        check_number("sigma of elastic", self.sigma, above=0, most=1000)


DEFORMATIONS = table(Affine, Elastic)
"""Every deformation glassnet knows, by name."""


def as_deformation(given: Deformation | str | None) -> Deformation | None:
    """A deformation from its name, as in ``"elastic(alpha=38)"``; a deformation as it is; None for None and ``"none"``.

    Errors: :class:`~glassnet.errors.WrongValue` names what there is.
    """
    if given is None or given == "none":
        return None
    return as_setting(given, "deformation", DEFORMATIONS)


def deformation_from_data(data: Any) -> Deformation:
    """The deformation that :func:`~glassnet.settings.to_data` recorded.

    Errors: :class:`~glassnet.errors.WrongValue` names what is wrong with it.
    """
    return from_data(data, "deformation", DEFORMATIONS)


class Deformer:
    """Images, deformed: a function of which images, and of the epoch; or a stream of epochs.

    Args:
        inputs: the images, one a row, square.
        deformation: how.
        seed: of all random numbers.
        threads: how many may work at once; None: as many as there are processors (of which OMP_NUM_THREADS may allow
            fewer). The result does not depend on it.

    Errors: :class:`~glassnet.errors.WrongValue` if the inputs are not square images.
    """

    def __init__(
        self, inputs: Float[Array, "n in"], deformation: Deformation, seed: int = 0, threads: int | None = None
    ) -> None:
        check_threads(threads)
        host = to_numpy(inputs)
        if host.ndim != 2 or math.isqrt(host.shape[1]) ** 2 != host.shape[1] or not host.shape[1]:
            raise WrongValue(
                f"only square images can be deformed: {host.shape[-1] if host.ndim else 0} inputs are not a square, as "
                "784 are (28 × 28)"
            )
        self.deformation = deformation
        self.seed = seed
        self._threads = threads
        self._count, self._side = len(host), math.isqrt(host.shape[1])
        self._images = np.require(host, np.float32, ["C", "W", "A"]).reshape(-1)
        numbers = [getattr(deformation, name, 0.0) for name in ("shear", "scale", "shift")]
        self._affine = np.array([math.radians(getattr(deformation, "rotation", 0.0)), *numbers])
        self._alpha = float(getattr(deformation, "alpha", 0.0))
        self._gauss = _gauss(self._side, float(getattr(deformation, "sigma", 1.0)))

    def __call__(self, rows: Int[Array, " m"] | Sequence[int], epoch: int) -> Float[NDArray[np.float32], "m in"]:
        """The images of these rows as they are in the epoch of this number, counted from 0."""
        from glassnet.data.warp import warp
        from glassnet.machine.compiled import (
            loading,  # compiled loops need Numba, which whoever does not deform need not load
        )

        chosen = np.require(to_numpy(np.asarray(rows)), np.int64, ["C", "W", "A"])
        if chosen.ndim != 1 or (len(chosen) and not 0 <= chosen.min() <= chosen.max() < self._count):
            raise WrongValue(f"rows must be whole numbers from 0 to {self._count - 1}")
        side, n = self._side, len(chosen)
        out = np.empty((n, side * side), np.float32)
        key = hashed(self.seed, _STREAM, epoch, 0)
        size = len(self._gauss)

        def share(thread: int, threads: int) -> None:
            low, high = (n * each // threads for each in (thread, thread + 1))
            room, places = np.zeros(5 * size + (side + 3) ** 2, np.float32), np.zeros(size, np.int32)
            warp(
                self._images, chosen, side, key, self._affine, self._alpha, self._gauss, out.reshape(-1), low, high,
                room, places,
            )  # fmt: skip

        with loading("warp"):
            together(share, max(1, min(self._threads or available(), n // _THREAD)))
        return out

    def epochs(self, first: int = 0) -> Iterator[Float[NDArray[np.float32], "n in"]]:
        """All images, in order, as they are in the epoch ``first``, the next, and so on without end."""
        rows, epoch = np.arange(self._count), first
        while True:
            yield self(rows, epoch)
            epoch += 1


def _gauss(side: int, sigma: float) -> NDArray[np.float32]:
    """The Gaussian filter along a row of pixels, with zeros beyond its ends, as a matrix; rows filled up to whole vectors."""
    from glassnet.machine.vectors import NARROW

    lanes = NARROW // 4
    reach = int(_CUT * sigma + 0.5)
    distance = np.arange(side)[:, None] - np.arange(side)
    weights = np.exp(-0.5 * (distance / sigma) ** 2) * (np.abs(distance) <= reach)
    total = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).sum()
    matrix = np.zeros((side, -(-side // lanes) * lanes), np.float32)
    matrix[:, :side] = weights / total
    return matrix.reshape(-1)
