"""Reading training examples ahead of their use, on several threads, so that a GPU does not wait for its data.

Examples are found by position (`tasks/task.py`), so a group can be cut into pieces, read side by side and joined, and
is what one call would have read. numpy, numba's kernels and mapped files let other threads run.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from .tasks import Batch, Task

__all__ = ["read_ahead"]

AHEAD = 2  # groups: one that is being read while another waits
LEAST_PIECE = 256  # examples a thread


def read_ahead(task: Task, ranges: Iterable[tuple[int, int]], *, threads: int | None = None) -> Iterator[Batch]:
    """`task.batch(start, size)` for every range, in order, each begun before the one before it is used up.

    Parameters
    ----------
    task
        Whose examples.
    ranges
        (start, size) of every group.
    threads
        Pieces read at a time, >= 1; default one for each core.

    Examples
    --------
    >>> from scaling_collapse.empirical.trainer import make_task
    >>> task = make_task("fourier", {"dimensions": 2, "modes": 10})
    >>> [len(batch.targets) for batch in read_ahead(task, [(0, 3), (3, 2)])]
    [3, 2]
    """
    threads = threads or os.cpu_count() or 1
    pool = ThreadPoolExecutor(threads)
    waiting: deque[list[Future[Batch]]] = deque()

    def begin(start: int, size: int) -> list[Future[Batch]]:
        pieces = max(1, min(threads, size // LEAST_PIECE))
        cuts = [start + size * i // pieces for i in range(pieces + 1)]
        return [pool.submit(task.batch, a, b - a) for a, b in itertools.pairwise(cuts)]

    try:
        for start, size in ranges:
            waiting.append(begin(start, size))
            if len(waiting) > AHEAD:
                yield _joined(waiting.popleft())
        while waiting:
            yield _joined(waiting.popleft())
    finally:  # also when the training stops early
        pool.shutdown(wait=False, cancel_futures=True)


def _joined(pieces: list[Future[Batch]]) -> Batch:
    read = [piece.result() for piece in pieces]
    return read[0] if len(read) == 1 else Batch(*map(np.concatenate, zip(*read, strict=True)))
