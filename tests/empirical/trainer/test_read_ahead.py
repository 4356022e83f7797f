"""Reading ahead gives the very examples, in order, and lets go when it is left."""

import threading

import numpy as np
import pytest

from scaling_collapse.empirical.trainer import make_task
from scaling_collapse.empirical.trainer.read_ahead import AHEAD, read_ahead

TASK = make_task("fourier", {"dimensions": 3, "modes": 50})
RANGES = [(0, 1000), (1000, 700), (1700, 1)]


@pytest.mark.parametrize("threads", [1, 3])
def test_is_what_the_task_gives(threads):
    for batch, (start, size) in zip(read_ahead(TASK, RANGES, threads=threads), RANGES, strict=True):
        there = TASK.batch(start, size)
        assert (batch.inputs == there.inputs).all()
        assert (batch.targets == there.targets).all()


class Counting:
    """A task that notes what was asked of it, and breaks where told."""

    def __init__(self, broken=None):
        self.asked, self.broken = [], broken

    def batch(self, start, size):
        self.asked.append(start)
        if start == self.broken:
            raise ValueError(f"no example {start}")
        return TASK.batch(start, size)


def test_reads_no_further_ahead_than_it_says():
    task = Counting()
    groups = read_ahead(task, ((10 * i, 10) for i in range(100)), threads=1)
    next(groups)
    assert max(task.asked) <= 10 * AHEAD
    groups.close()
    assert len(task.asked) <= AHEAD + 1


def test_an_error_reaches_the_reader_and_no_thread_stays():
    before = set(threading.enumerate())  # threads that earlier tests left may end meanwhile: only new ones count
    groups = read_ahead(Counting(broken=10), [(0, 10), (10, 10), (20, 10)], threads=2)
    assert len(next(groups).targets) == 10
    with pytest.raises(ValueError, match="no example 10"):
        next(groups)
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=20)
        assert not thread.is_alive()


def test_pieces_join_along_the_examples():
    [batch] = read_ahead(TASK, [(5, 2048)], threads=4)
    assert batch.inputs.shape == (2048, 3)
    np.testing.assert_array_equal(batch.targets, TASK.batch(5, 2048).targets)
