r"""The coordinate check: a training step should change features and outputs by the same amount at every width.

Models of growing width take a few steps on the same batches; after each step, the change of the residual stream and
of the outputs since initialization is measured on one batch, as a root mean square over coordinates and examples. In a
right muP both are flat in the width; under the standard parametrization they grow (Yang et al. 2022, arXiv 2203.03466,
appendix D.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...common import Array, InputError, Painted, plain
from .models.model import Model
from .optimizers import make_optimizer, set_lr
from .parametrization import OptimizerKind
from .tasks import Batch

__all__ = ["CoordinateCheck", "coordinate_check"]

FLAT = 0.25


@dataclass(frozen=True, kw_only=True, repr=False)
class CoordinateCheck(Painted):
    """How much each step changed features and outputs, by width.

    Parameters
    ----------
    widths
        Shape (w,).
    hidden, output
        Root mean square change of the residual stream and of the outputs since initialization, mean over seeds, after
        each step; shape (w, steps).
    """

    widths: Array
    hidden: Array
    output: Array

    def headline(self) -> str:
        """Whether a step changes models of every width alike."""
        return f"CoordinateCheck: changes are {'flat' if self.flat else 'not flat'} in the width"

    def lines(self) -> list[tuple[str, str]]:
        """How the changes grow with the width."""
        hidden, output = self.slopes
        return [
            ("features", f"grow as width^{hidden:.2f}"),
            ("outputs", f"grow as width^{output:.2f}"),
            ("widths", f"{self.widths.min():g} to {self.widths.max():g}"),
            ("steps", str(self.hidden.shape[1])),
        ]

    @property
    def slopes(self) -> tuple[float, float]:
        """Exponents of the width in the changes of features and outputs after the last step, by least squares."""
        x = np.log(self.widths)
        hidden, output = (np.polyfit(x, np.log(change[:, -1]), 1)[0] for change in (self.hidden, self.output))
        return float(hidden), float(output)

    @property
    def flat(self) -> bool:
        """Both exponents lie within 0.25 of 0; growth in proportion to the width has exponent 1."""
        return max(map(abs, self.slopes)) < FLAT

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        hidden, output = self.slopes
        changes = {"widths": self.widths, "hidden": self.hidden, "output": self.output}
        return plain({**changes, "hidden_slope": hidden, "output_slope": output, "flat": self.flat})


def coordinate_check(
    make_model: Callable[[int], Model],
    widths: Sequence[int],
    batches: Sequence[Batch],
    *,
    lr: float,
    optimizer: OptimizerKind = "adam",
) -> CoordinateCheck:
    """Train each width for one step per batch and measure what changed.

    Parameters
    ----------
    make_model
        A fresh model of a width; several seeds in it make the check less noisy.
    widths
        At least 2, spread over a factor of 8 or so.
    batches
        One batch a step; the changes are measured on the first.
    lr
        Base learning rate, > 0.
    optimizer
        With its default options.

    Raises
    ------
    InputError
        If there are fewer than 2 widths, no batch, or a change that is zero or not finite.
    """
    if len(set(widths)) < 2 or not batches:
        raise InputError(
            f"coordinate_check needs at least 2 widths and 1 batch; got {len(set(widths))} and {len(batches)}."
        )
    changes = np.array([_changes(make_model(width), batches, lr, optimizer) for width in widths])
    if not (np.isfinite(changes).all() and (changes[..., -1] > 0).all()):
        raise InputError(
            "coordinate_check needs changes that are finite and not zero; got others. Take more steps or lower `lr`."
        )
    return CoordinateCheck(widths=np.array(widths, dtype=np.float64), hidden=changes[:, 0], output=changes[:, 1])


def _changes(model: Model, batches: Sequence[Batch], lr: float, kind: OptimizerKind) -> Array:
    """Change of hidden features and outputs after each step, shape (2, steps)."""
    data = [(torch.from_numpy(x).to(model.flat.device), torch.from_numpy(y).to(model.flat.device)) for x, y in batches]
    optimizer = make_optimizer(model, kind)
    set_lr(optimizer, lr)
    with torch.no_grad():
        before = model.features(data[0][0])
    changes = []
    for inputs, targets in data:
        model.backward(inputs, targets)
        optimizer.step()
        with torch.no_grad():
            now = model.features(data[0][0])
        differences = [(a - b).double().flatten(1) for a, b in zip(now, before, strict=True)]
        changes.append([d.square().mean(1).sqrt().mean().item() for d in differences])
    return np.array(changes).T
