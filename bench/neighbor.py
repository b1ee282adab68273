"""A process that computes all the time, as a browser or a game beside a training does: plain arithmetic, nothing in memory.

python bench/neighbor.py   # says so when it has begun, and ends when the process that started it is gone, or kills it
"""

from __future__ import annotations

import os


def main() -> None:
    """Compute until the parent is another process than at the beginning."""
    parent, x = os.getppid(), 0.3
    print("computing", flush=True)
    while os.getppid() == parent:
        for _ in range(100_000):  # some milliseconds
            x = 3.9 * x * (1 - x)


if __name__ == "__main__":
    main()
