"""Why small ladders do not show an ablation: how far a curve's shape answers its horizon and its rate, against noise.

    python benchmarks/ablation_power.py [--seeds 8] [--case N]

Each case trains one size, all seeds in one pass, at three horizons (a quarter, one, four times) and at ten times the
learning rate, and reports at x = 0.5: `l`, the standard deviation of `ln l` over seeds, what of it comes and goes from
one logged point to the next (SGD noise) and what stays, `ds = d ln l / d ln t*`, and the same
per ln(rate). From these: Delta(0.5) of a ladder whose horizon exponent is off by 20 %, over the healthy one's,

    sqrt(1 + (0.2 gamma ds sd(ln p) / noise)^2),    gamma = 1,

for six sizes over a factor of 6 and of 1,000 in parameters. A two-term law `a t^-mu + b p^-nu` at its optimum has
`ds = -mu w_A w_B (2^mu - 1) / l(0.5)` and the case's column `theory` has that for `mu = nu` from its own `l(0.1)`.
"""

from __future__ import annotations

import argparse

import numpy as np

from scaling_collapse.empirical.trainer import parse_ladder, train_ladder

FOURIER = {"kind": "fourier", "modes": 10_000}
MLP = {"kind": "mlp", "depth": 2}
CASES = {
    "MLP, 8 inputs, exponent 2": (MLP, FOURIER | {"dimensions": 8, "exponent": 2.0}, 32, 512, 1e-3, 150, 0.0),
    "MLP, 8 inputs, exponent 8": (MLP, FOURIER | {"dimensions": 8, "exponent": 8.0}, 32, 512, 1e-3, 150, 0.0),
    "MLP, 4 inputs, exponent 4": (MLP, FOURIER | {"dimensions": 4, "exponent": 4.0}, 32, 512, 1e-3, 150, 0.0),
    "MLP, 2 inputs, exponent 2": (MLP, FOURIER | {"dimensions": 2, "exponent": 2.0}, 16, 512, 1e-3, 600, 0.0),
    "decoder, Python text": (
        {"kind": "decoder", "depth": 3}, {"kind": "text", "context": 64, "test_examples": 512}, 16, 64, 6e-3, 60, 0.75,
    ),
}  # fmt: skip


def shapes(case: tuple, seeds: int, times: float = 1.0, rate: float = 1.0) -> tuple[float, float, float, float, float]:
    """At x = 0.5 mean and sd of ln l, its point-to-point part, the part that stays, and mean ln l(0.1)."""
    model, task, width, batch, lr, per_parameter, offset = case
    decoder = model["kind"] == "decoder"
    ladder = parse_ladder({
        "name": "power", "widths": [width], "seeds": seeds, "batch_size": batch, "lr": lr * rate, "model": model,
        "task": task, "horizon": {"tokens_per_parameter": per_parameter, "times": times},
        "parametrization": {"embedding": 5.0 if decoder else 1.0},
        "evaluation": {"linear": 100, "log": 0, "examples": 256 if decoder else 2048},
    })  # fmt: skip
    curves = train_ladder(ladder).curves
    x = curves[0].tokens / curves[0].horizon_tokens
    ln_l = np.array([np.log((c.loss - offset) / (c.horizon_loss - offset)) for c in curves])
    near = slice(int(np.argmin(np.abs(x - 0.42))), int(np.argmin(np.abs(x - 0.58))) + 1)
    middle, early = ln_l[:, near], ln_l[:, int(np.argmin(np.abs(x - 0.1)))]
    noise = float(np.sqrt(middle.var(axis=0, ddof=1).mean()))
    fast = float(np.sqrt((np.diff(middle, 2, axis=1) ** 2).mean() / 6))
    return float(middle.mean()), noise, fast, float(middle.mean(axis=1).std(ddof=1)), float(early.mean())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--case", type=int)
    told = parser.parse_args()
    print(
        "| case | l(0.5) | noise | point to point | stays | ds | theory | per ln(rate) | ratio, 6 x | ratio, 1000 x |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for i, (name, case) in enumerate(CASES.items()):
        if told.case not in (None, i):
            continue
        short, long = (shapes(case, told.seeds, times=t)[0] for t in (0.25, 4.0))
        ln_l, noise, fast, stays, early = shapes(case, told.seeds)
        fast_rate = shapes(case, told.seeds, rate=10.0)[0]
        ds = (long - short) / np.log(16)
        mu = np.log(2 * np.exp(early) - 1) / np.log(10)  # l(0.1) = (10^mu + 1) / 2 for mu = nu
        theory = -mu / 4 * (2**mu - 1) / ((2**mu + 1) / 2)
        spread = np.std(np.linspace(0, 1, 6), ddof=1)  # six sizes, evenly in ln p
        ratios = [np.sqrt(1 + (0.2 * ds * np.log(f) * spread / noise) ** 2) for f in (6, 1000)]
        print(
            f"| {name} | {np.exp(ln_l):.3f} | {noise:.4f} | {fast:.4f} | {stays:.4f} | {ds:+.4f} | {theory:+.4f} | "
            f"{(fast_rate - ln_l) / np.log(10):+.4f} | {ratios[0]:.2f} | {ratios[1]:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
