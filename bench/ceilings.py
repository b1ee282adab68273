"""What this machine can do at most: multiply, and copy. No contestant can be faster, so this is what all are held against.

    python bench/ceilings.py product numpy 2    # one measurement, in a process of its own, as JSON; run.py calls it so

The product ceiling is the best that any library here reaches, at any number of threads, on a large product of float32. The
copy ceilings are those of NumPy's copy: of an array that no cache holds, and of one that lies in the second cache. Bytes
that are read and bytes that are written both count.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["cache_sizes", "measure"]

LARGE = 256 * 2**20
"""Bytes of the large copy: many times the largest caches."""


def cache_sizes() -> dict[str, int]:
    """Bytes of each cache that the first core sees, by level, where the system tells: {"L1 data": …, "L2": …, "L3": …}."""
    sizes = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        if kind != "Instruction":
            factor = {"K": 2**10, "M": 2**20}.get(size[-1], 1)
            sizes[f"L{level}" + (" data" if kind == "Data" else "")] = int(size.rstrip("KM")) * factor
    return sizes


def measure(threads: tuple[int, ...], *, quick: bool) -> dict[str, Any]:
    """All ceilings: operations and bytes a second, one process after the other."""
    size = 1024 if quick else 2048
    products, copies, failed = {}, {}, {}
    for count in threads:
        for library in ("numpy", "torch", "jax"):
            found = _alone("product", library, count, size)
            if "error" in found:
                failed[f"{library}/{count}"] = found["error"]
            else:
                products[f"{library}/{count}"] = found["rate"]
    second = cache_sizes().get("L2", 2**20)
    for name, each in (("large", LARGE), ("L2", second * 3 // 8)):  # two arrays, and room for what else is needed
        for count in threads:
            found = _alone("copy", "numpy", count, each)
            if "error" in found:
                failed[f"copy {name}/{count}"] = found["error"]
            else:
                copies[f"{name}/{count}"] = found["rate"]
    return {
        "product_size": size,
        "products": products,
        "copies": copies,
        "failed": failed,
        "product": max(products.values(), default=None),
        "copy": max((rate for name, rate in copies.items() if name.startswith("large")), default=None),
    }


def _alone(what: str, library: str, threads: int, size: int) -> dict[str, Any]:
    """One measurement in a process of its own, which sees its number of threads before it loads anything."""
    count = str(threads)
    environment = os.environ | {
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    command = [sys.executable, __file__, what, library, count, str(size)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        return {"error": "took longer than 300 seconds"}
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["it ended without a word"])[-1][:200]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def _best(work: Any, seconds: float = 1.0) -> float:
    """The shortest of as many goes as fit in some seconds, after one that does not count; three at least."""
    work()
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - began < seconds:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _product(library: str, threads: int, size: int) -> float:
    """Operations a second of a product of two square matrices."""
    import numpy as np

    random = np.random.default_rng(0)
    a, b = (random.standard_normal((size, size), dtype=np.float32) for _ in range(2))
    if library == "torch":
        import torch

        torch.set_num_threads(threads)
        x, y, z = torch.from_numpy(a), torch.from_numpy(b), torch.empty(size, size)
        seconds = _best(lambda: torch.mm(x, y, out=z))
    elif library == "jax":
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        import jax

        x, y = jax.numpy.asarray(a), jax.numpy.asarray(b)
        multiply = jax.jit(lambda x, y: x @ y)
        seconds = _best(lambda: multiply(x, y).block_until_ready())
    else:
        c = np.empty_like(a)
        seconds = _best(lambda: np.matmul(a, b, out=c))
    return 2 * size**3 / seconds


def _copy(threads: int, size: int) -> float:
    """Bytes a second, read and written: ``size`` bytes divided among threads, or as many for each if a cache holds them."""
    import threading

    import numpy as np

    small = size < LARGE
    share = size if small else size // threads
    repeats = 2000 if small else 1

    def repeated() -> Any:
        # Rows that overlap but for 64 bytes: a single call copies all of them, and lets the other threads run meanwhile.
        numbers = np.ones(share + 64 * repeats, np.uint8)
        return np.lib.stride_tricks.as_strided(numbers, (repeats, share), (64, 1))

    pairs = [(repeated(), repeated()) for _ in range(threads)]

    def work(source: Any, target: Any) -> None:
        np.copyto(target, source)

    def all_threads() -> None:
        others = [threading.Thread(target=work, args=pair) for pair in pairs[1:]]
        for each in others:
            each.start()
        work(*pairs[0])
        for each in others:
            each.join()

    return 2 * share * threads * repeats / _best(all_threads)


def main() -> None:
    """One measurement; a library that is not there is one sentence and exit code 1."""
    what, library, threads, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    try:
        rate = _product(library, threads, size) if what == "product" else _copy(threads, size)
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is not installed")
    print(json.dumps({"rate": rate}))


if __name__ == "__main__":
    main()
