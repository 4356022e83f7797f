"""The command line: `scaling-collapse VERB`. Each verb is one file in `verbs/`, loaded when it is called.

Exit codes: 0 done, 1 the finding is negative where a verb is a check (`--check`), 2 bad input (one sentence on
standard error, never a traceback).
"""

from __future__ import annotations

import sys
from inspect import cleandoc

from cyclopts import App, CycloptsError

from . import __version__
from .common import InputError

__all__ = ["app", "main"]

# Help lives here, not in the verbs' files: `scaling-collapse --help` must not import them.
VERBS = {
    "demo": """Train a small ladder, measure its collapse and draw the pictures.

    Example: scaling-collapse demo --out demo-out
    """,
    "measure": """Measure scaling law, collapse and supercollapse of curve tables.

    Example: scaling-collapse measure curves.parquet --json summary.json --out pictures
    """,
    "fit": """Fit the compute-optimal horizon from over-trained constant-LR runs.

    Example: scaling-collapse fit horizon-runs.parquet --json horizon.json --out pictures
    """,
    "derive": """Derive the compute-optimal horizon of a scaling law and when its loss curves collapse.

    Example: scaling-collapse derive "L0 + a*t**-mu + b*p**-nu" --latex law.tex --json law.json
    """,
    "simulate": """Simulate loss curves of power-law random features under any schedules.

    Example: scaling-collapse simulate --sizes 64 128 256 --alpha 1.0 --beta 0.25 --batch 4 --seeds 8 --out simulated
    """,
    "extrapolate": """Predict the whole loss curve of a larger model from a ladder of smaller ones.

    Example: scaling-collapse extrapolate --from curves.parquet --params 1.5e8 --out predicted.parquet --json -
    """,
    "forecast": """Forecast loss curves of other schedules and horizons from their learning rates, or plan a cooldown.

    Example: scaling-collapse forecast --calibrate runs.parquet --target schedules.csv --out forecast.parquet
    """,
    "validate": """Put predictions of theory and simulator beside what curve tables say, with a verdict per row.

    Example: scaling-collapse validate curves --json validation.json --html validation.html
    """,
    "figures": """Draw the papers' figures from the project's own curve tables, or from others.

    Example: scaling-collapse figures fig01 fig05 --out figures --fast
    """,
    "train": """Train the ladder of a preset or a ladder file, plan it, resume it, or find its horizon.

    Example: scaling-collapse train ladder.toml --plan
    Example: scaling-collapse train ladder.toml --out runs --resume
    """,
}

app = App(
    name="scaling-collapse",
    help="Derive, simulate, measure and forecast the collapse of loss curves across model sizes.",
    version=__version__,
    result_action="return_value",
)
for _name, _help in VERBS.items():
    app.command(
        f"scaling_collapse.verbs.{_name.replace('-', '_')}:{_name.replace('-', '_')}", name=_name, help=cleandoc(_help)
    )


def _sentence(error: CycloptsError) -> str:
    """The parser's complaint in the house form."""
    import cyclopts

    verb = " ".join(error.command_chain or ()) or "scaling-collapse"
    ask = f"See `scaling-collapse {verb} --help`." if verb in VERBS else "See `scaling-collapse --help`."
    argument = error.argument.name if error.argument is not None else "its arguments"
    if isinstance(error, cyclopts.UnknownCommandError):
        got = (error.unused_tokens or ["nothing"])[0]
        return f"scaling-collapse needs one of the verbs {', '.join(VERBS)}; got {got!r}. {ask}"
    if isinstance(error, cyclopts.UnknownOptionError):
        return f"{verb} needs options that it knows; got {error.token.keyword or error.token.value!r}. {ask}"
    if isinstance(error, cyclopts.MissingArgumentError):
        return f"{verb} needs a value for {argument}; got none. {ask}"
    if isinstance(error, cyclopts.CoercionError) and error.token is not None:
        kind = getattr(error.target_type, "__name__", str(error.target_type))
        return f"{verb} needs {argument} to be a {kind}; got {error.token.value!r}. {ask}"
    if isinstance(error, cyclopts.UnusedCliTokensError):
        return f"{verb} needs no more arguments; got {' '.join(error.unused_tokens or [])!r}. {ask}"
    return f"{verb} cannot read its arguments: {' '.join(str(error).split())} {ask}"


def main(tokens: list[str] | None = None) -> int:
    """Run one command line (default: the process's own) and return its exit code."""
    try:
        return app(tokens, print_error=False, exit_on_error=False) or 0
    except CycloptsError as error:
        message = _sentence(error)
    except InputError as error:
        message = str(error)
    except KeyboardInterrupt:
        print("interrupted; nothing more was written", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:  # the reader of our output has gone, e.g. `| head`
        sys.stderr.close()
        return 0
    print(f"error: {message}", file=sys.stderr)  # noqa: T201
    return 2
