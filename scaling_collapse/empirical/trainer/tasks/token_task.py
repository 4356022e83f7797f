"""Next-token prediction on a long row of tokens: cut into contexts, the first held out, each trained on once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ....common import InputError
from .order import shuffled
from .task import Batch, check_range

__all__ = ["TokenTask"]


@dataclass(frozen=True, kw_only=True)
class TokenTask(ABC):
    """Contexts of `T` tokens, one after the other without overlap; a context is an example.

    The first `test_examples` contexts are the test split. The others are the training split, in the order of the
    data or in a random order that `order` fixes; either way example i depends on nothing but i.

    Parameters
    ----------
    context
        `T`, tokens in an example, >= 2.
    test_examples
        Contexts held out, >= 1.
    last_target
        What the last position of a context predicts: `"next"`, the token after the context, or `"zero"`, id 0, as in
        the published runs.
    order
        Seed of the order of the training contexts, or None for the order of the data.

    Raises
    ------
    InputError
        If an option is out of its domain, or (on first use of the data) if they are missing or too few.
    """

    kind: ClassVar[str]

    context: int = 128
    test_examples: int = 1_000
    last_target: Literal["next", "zero"] = "next"
    order: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("context", 2), ("test_examples", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{self.who} needs `{name}` >= {least}; got {getattr(self, name)}. Raise it.")
        if self.last_target not in ("next", "zero"):
            raise InputError(f"{self.who} needs `last_target` next or zero; got {self.last_target!r}.")
        if self.order is not None and self.order < 0:
            raise InputError(f"{self.who} needs an `order` >= 0 or none; got {self.order}. Use 0, for example.")

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """Number of token ids."""

    @abstractmethod
    def open_tokens(self) -> NDArray[Any]:
        """Map the whole row of tokens, shape (n,)."""

    @abstractmethod
    def describe_data(self) -> dict[str, Any]:
        """Hash and counts of the data."""

    @property
    def who(self) -> str:
        """The task's name in errors."""
        return type(self).__name__

    def existing(self, files: Sequence[Path]) -> list[Path]:
        """The files as paths, or an `InputError` that names the first that is not there."""
        if not files:
            raise InputError(f"{self.who} needs at least one file; got none. Name them in `files`.")
        paths = [Path(f) for f in files]
        for path in paths:
            if not path.is_file():
                raise InputError(f"{self.who} needs files that exist; got {path}. Check `files`.")
        return paths

    @cached_property
    def tokens(self) -> NDArray[Any]:
        """The whole row of tokens, shape (n,), mapped from a file on first use."""
        return self.open_tokens()

    @property
    def example_tokens(self) -> int:
        """`T`."""
        return self.context

    @property
    def train_examples(self) -> int:
        """Contexts of the training split: one pass."""
        return self._contexts - self.test_examples

    def batch(self, start: int, size: int) -> Batch:
        """Training contexts: inputs and targets, both (size, T)."""
        at = check_range(self.who, "train", start, size, self.train_examples)
        if self.order is not None:
            at = shuffled(at, self.train_examples, self.order)
        return self._examples(self.test_examples + at)

    def test_batch(self, start: int, size: int) -> Batch:
        """Test contexts, as `batch`; in the order of the data."""
        _ = self._contexts
        return self._examples(check_range(self.who, "test", start, size, self.test_examples))

    def describe(self) -> dict[str, Any]:
        """Options, and hash and counts of the data."""
        options = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "cache"}
        # Names without folders: the same data on another machine are described alike.
        plain = {
            key: value.name if isinstance(value, Path) else [p.name for p in value] if key == "files" else value
            for key, value in options.items()
        }
        data = {"vocabulary": self.vocabulary, "tokens": len(self.tokens), "train_examples": self.train_examples}
        return {"task": self.kind, **plain, **data, **self.describe_data()}

    @cached_property
    def _contexts(self) -> int:
        whole = (len(self.tokens) - (self.last_target == "next")) // self.context
        if whole <= self.test_examples:
            raise InputError(
                f"{self.who} needs more than {self.test_examples} contexts of {self.context} tokens, the test split; "
                f"got {whole} ({len(self.tokens)} tokens). Bring more data or lower `test_examples`."
            )
        return whole

    def _examples(self, contexts: NDArray[np.int64]) -> Batch:
        T = self.context
        rows = self.tokens[: self._contexts * T].reshape(-1, T)[contexts].astype(np.int64)
        last = self.tokens[(contexts + 1) * T] if self.last_target == "next" else np.zeros(len(contexts))
        return Batch(rows, np.concatenate([rows[:, 1:], last[:, None].astype(np.int64)], axis=1))
