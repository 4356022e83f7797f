"""`Rebuilt`: pickles and copies of a checked, read-only dataclass go through its constructor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

__all__ = ["Rebuilt"]


class Rebuilt:
    """Mixin of dataclasses that are built anew: a mapping proxy does not pickle, and arrays would come back writeable.

    >>> import pickle
    >>> from scaling_collapse.theory import LossCurve
    >>> curve = LossCurve(run="a", params=10, tokens=[1, 2], loss=[3.0, 2.0], extra={"batch_size": 4})
    >>> pickle.loads(pickle.dumps(curve)).loss.flags.writeable
    False
    """

    def __reduce__(self) -> Any:
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.init}  # type: ignore[arg-type]
        return _rebuilt, (type(self), {k: dict(v) if isinstance(v, Mapping) else v for k, v in values.items()})


def _rebuilt(kind: type[Any], values: dict[str, Any]) -> Any:
    return kind(**values)
