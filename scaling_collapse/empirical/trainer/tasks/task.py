"""What a task is: examples by position. Example `i` of a task is the same arrays whenever it is asked for.

A run at step k with batch size B asks for `task.batch(k B, B)`, so a resumed run needs nothing but its step to see the
very examples that it would have seen, in the same order, each once.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ....common import InputError

__all__ = ["Batch", "Task", "check_range"]


class Batch(NamedTuple):
    """Examples to learn from or to test on; numpy arrays with the examples along the first axis.

    Regression: `inputs` float32 (B, d), `targets` float32 (B,). Sequences: `inputs` and `targets` int64 (B, T).
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]


class Task(Protocol):
    """What the trainer asks of a task; each kind is one file of this folder and one line of `TASKS`."""

    @property
    def vocabulary(self) -> int | None:
        """Number of token ids, or None where the target is a real number."""
        ...

    @property
    def example_tokens(self) -> int:
        """Tokens in one example: the context length of sequences, 1 for regression."""
        ...

    @property
    def train_examples(self) -> int | None:
        """Examples of one pass over the training split, or None where fresh ones never end."""
        ...

    @property
    def test_examples(self) -> int:
        """Examples of the test split."""
        ...

    def batch(self, start: int, size: int) -> Batch:
        """Training examples `start ... start + size - 1`."""
        ...

    def test_batch(self, start: int, size: int) -> Batch:
        """Test examples `start ... start + size - 1`."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the manifest keeps: kind, options, and hashes and counts of the data. JSON values only."""
        ...


def check_range(who: str, split: str, start: int, size: int, there: int | None) -> NDArray[np.int64]:
    """The positions `start ... start + size - 1`, or an `InputError` where the split does not hold them.

    >>> check_range("TextTask", "train", 2, 3, 5)
    array([2, 3, 4])
    """
    if start < 0 or size < 1:
        raise InputError(f"{who} needs a `start` >= 0 and a `size` >= 1; got {start} and {size}. Count from 0.")
    if there is not None and start + size > there:
        raise InputError(
            f"{who} needs every example to be seen once; got a request up to example {start + size} of {there} in the "
            f"{split} split. Shorten the horizon or bring more data."
        )
    return np.arange(start, start + size)
