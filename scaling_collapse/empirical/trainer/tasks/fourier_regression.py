r"""Power-law Fourier regression as a stream: fresh inputs without end, any of them found by its position.

Inputs are uniform on [-1/2, 1/2]^d, targets `y(x) = sum_i w_i sqrt(2) cos(2 pi k_i . x + phi_i)` (`FourierTask` holds
the target). Numbers come from Philox, whose state is a counter: number n of a stream is computed without its
predecessors, so example i needs no generator to be saved or wound forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....common import InputError
from ..fourier_task import FourierTask
from .task import Batch, check_range

__all__ = ["FourierRegression", "uniforms"]

TRAIN, TEST = 0, 1  # streams of one data seed
PER_COUNT = 8  # float32 numbers that Philox makes of one count of its counter


@dataclass(frozen=True, kw_only=True)
class FourierRegression:
    """The paper's MLP task: learn one drawn power-law Fourier target from fresh uniform inputs.

    Parameters
    ----------
    dimensions
        `d`, number of inputs, >= 1.
    exponent
        Pareto exponent of the frequencies, > 0.
    modes
        Modes drawn, >= 1; equal and opposite ones are merged.
    target_seed
        Seed of the target, >= 0; train and test share it.
    data_seed
        Seed of the inputs, >= 0; train and test inputs are two streams of it.
    test_examples
        Examples of the test split, >= 1.
    published
        True scales the drawn weights to norm 1 and keeps the constant, as the published code does; otherwise the
        constant is dropped and the variance of y is exactly 1.

    Raises
    ------
    InputError
        If a parameter is out of its domain.

    Examples
    --------
    >>> task = FourierRegression(test_examples=1000)
    >>> task.batch(0, 100).targets[40:42] == task.batch(40, 2).targets
    array([ True,  True])
    """

    dimensions: int = 8
    exponent: float = 2.0
    modes: int = 10_000
    target_seed: int = 0
    data_seed: int = 0
    test_examples: int = 100_000
    published: bool = False

    def __post_init__(self) -> None:
        for name, least in (("data_seed", 0), ("test_examples", 1)):
            if getattr(self, name) < least:
                raise InputError(f"FourierRegression needs `{name}` >= {least}; got {getattr(self, name)}. Raise it.")
        _ = self.target

    @cached_property
    def target(self) -> FourierTask:
        """The function to learn."""
        return FourierTask(
            dimensions=self.dimensions,
            exponent=self.exponent,
            modes=self.modes,
            seed=self.target_seed,
            published=self.published,
        )

    vocabulary = None
    example_tokens = 1
    train_examples = None

    def batch(self, start: int, size: int) -> Batch:
        """Training examples: inputs (size, d), targets (size,), float32."""
        return self._examples(TRAIN, check_range("FourierRegression", "train", start, size, None))

    def test_batch(self, start: int, size: int) -> Batch:
        """Test examples, as `batch`."""
        return self._examples(TEST, check_range("FourierRegression", "test", start, size, self.test_examples))

    def describe(self) -> dict[str, Any]:
        """Options and the number of modes that merging leaves."""
        names = ("dimensions", "exponent", "modes", "target_seed", "data_seed", "test_examples", "published")
        options = {name: getattr(self, name) for name in names}
        return {"task": "fourier", **options, "merged_modes": len(self.target.frequencies)}

    def _examples(self, stream: int, at: NDArray[np.int64]) -> Batch:
        d = self.dimensions
        u = uniforms((self.data_seed, stream), int(at[0]) * d, at.size * d)
        x = u.reshape(at.size, d) - np.float32(0.5)
        return Batch(x, self.target(x))


def uniforms(key: tuple[int, int], first: int, count: int) -> NDArray[np.float32]:
    """Numbers `first ... first + count - 1` of the stream `key` of uniform float32 numbers in [0, 1).

    >>> bool((uniforms((1, 0), 0, 100)[37:60] == uniforms((1, 0), 37, 23)).all())
    True
    """
    counts, skip = divmod(first, PER_COUNT)
    philox = np.random.Philox(key=np.array(key, dtype=np.uint64), counter=counts)
    return np.random.Generator(philox).random(skip + count, dtype=np.float32)[skip:]
