"""Which column of a log is which: the names that programs give to losses, clocks, rates, seeds and sizes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

__all__ = ["LossKind", "known_as", "loss_kind", "losses"]

LossKind = Literal["evaluation", "training"]

NAMES = {
    "run": ("run", "run_name", "run_id", "experiment", "trial"),
    "tokens": (
        "tokens", "tokens_seen", "n_tokens", "num_tokens", "total_tokens", "train_tokens", "consumed_tokens",
        "num_input_tokens_seen", "train_num_input_tokens_seen", "throughput_total_tokens", "n_tokens_seen",
        "tokens_total", "tokens_trained", "train_total_tokens", "n_tokens_seen_total", "trained_tokens",
    ),
    "step": (
        "step", "global_step", "train_global_step", "trainer_global_step", "iteration", "iter", "iterations", "iters",
        "update", "updates", "num_updates", "optimizer_step", "train_step", "training_step", "steps", "num_steps",
    ),
    "lr": (
        "lr", "learning_rate", "train_lr", "train_learning_rate", "optim_lr", "optim_lr_group_0", "lr_abs",
        "optim_learning_rate_group0", "optim_learning_rate", "lr_adamw", "lr_adam", "lr_sgd", "optimizer_lr",
    ),
    "seed": ("seed", "random_seed", "rng_seed", "train_seed", "training_seed", "seed_everything", "init_seed"),
    "params": (
        "params", "n_params", "num_params", "n_parameters", "num_parameters", "parameters", "param_count", "nparams",
        "parameter_count", "total_params", "total_parameters", "model_num_parameters", "model_params", "n_param",
        "model_total_params", "total_param_count", "number_of_parameters",
    ),
}  # fmt: skip
LOSS_WORDS = {"loss", "nll", "xent", "ce", "crossentropy", "crossentropyloss", "celoss"}
EVALUATION_WORDS = {"eval", "evaluation", "val", "valid", "validation", "dev", "test", "heldout", "tel"}
OTHER_WORDS = {
    "aux", "z", "balance", "balancing", "router", "min", "max", "std", "var", "scale", "scaler", "count", "time",
    "grad", "ppl", "perplexity", "reg", "kl", "mtp", "low", "high", "spike", "best", "ema", "delta",
}  # fmt: skip


def _words(name: str) -> list[str]:
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", " ", name)  # camelCase
    return "".join(c.lower() if c.isalnum() else " " for c in split).split()


def known_as(target: str, names: Iterable[str]) -> str | None:
    """The first of the names under which programs log a column of the curve table; its own name first.

    >>> known_as("step", ["_step", "train/global_step"]), known_as("lr", ["loss"])
    ('train/global_step', None)
    """
    names = list(names)
    if target in names:
        return target
    plain = {}
    for name in sorted(names, key=lambda n: n.startswith("_")):  # what a tracker counts by itself comes last
        plain.setdefault("_".join(_words(name)), name)
    if target == "step" and plain.get("step", "").startswith("_"):
        others = [plain[n] for n in NAMES[target][1:] if n in plain]
        return others[0] if others else plain["step"]
    return next((plain[n] for n in NAMES.get(target, ()) if n in plain), None)


def loss_kind(name: str) -> LossKind | None:
    """Whether a column is the loss of an evaluation or of training, by its name.

    >>> [loss_kind(n) for n in ("val/loss", "train/loss", "lm loss", "aux_loss", "loss scale", "CrossEntropyLoss")]
    ['evaluation', 'training', 'training', None, None, 'training']
    """
    words = _words(name)
    if set(words) & OTHER_WORDS:
        return None
    if not (set(words) & LOSS_WORDS or {"cross", "entropy"} <= set(words)):
        return None
    return "evaluation" if set(words) & EVALUATION_WORDS else "training"


def losses(names: Iterable[str], kind: LossKind) -> list[str]:
    """The losses of a kind, the plainest names first; of a name with `_step` and `_epoch` the better one alone.

    >>> losses(["train_loss_step", "train_loss_epoch", "val_loss"], "training")
    ['train_loss_step']
    """
    found = [n for n in names if loss_kind(n) == kind]
    better, worse = ("_step", "_epoch") if kind == "training" else ("_epoch", "_step")
    found = [n for n in found if not (n.endswith(worse) and n.removesuffix(worse) + better in found)]
    plain = [
        n
        for n in found
        if not set(_words(n)) - LOSS_WORDS - EVALUATION_WORDS - {"train", "training", "lm", "cross", "entropy"}
    ]
    return sorted(plain, key=lambda n: len(_words(n))) or found
