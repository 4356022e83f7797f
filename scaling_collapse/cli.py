"""The command line: `scaling-collapse VERB`. Each verb is one file in `verbs/`, loaded when it is called.

Exit codes: 0 done, 1 the finding is negative where a verb is a check (`--check`), 2 bad input (one sentence on
standard error, never a traceback).
"""

from __future__ import annotations

import sys
from inspect import cleandoc

from cyclopts import App, CycloptsError

from . import __version__
from .common import InputError, patient_streams, without_commands

__all__ = ["app", "main"]

# Help lives here, not in the verbs' files: `scaling-collapse --help` must not import them.
VERBS = {
    "demo": """Train a small ladder, measure its collapse and draw the pictures.

    Example: scaling-collapse demo --out demo-out
    """,
    "convert": """How do I get my logs in? Logs of any program as one curve table.

    Example: scaling-collapse convert example:mlp --table mlp.csv
    """,
    "measure": """Do the loss curves of my ladder collapse? Scaling law, collapse, supercollapse, with a verdict.

    Example: scaling-collapse measure example:mlp --offset 0 --out mlp-report
    """,
    "plan": """How many sizes and seeds do I need? And which run should I add to the ladder that I have?

    Example: scaling-collapse plan --effect 20% --noise 5%
    Example: scaling-collapse plan example:fourier3 --offset 0
    """,
    "family": """How do I scale my family? Every number of every size by a recipe, or which rules one kept.

    Example: scaling-collapse family --sizes 50M 1B 7B --tpp 20
    Example: scaling-collapse family --check example:text
    """,
    "fit": """How far should each size be trained? The compute-optimal horizon from over-trained constant-LR runs.

    Example: scaling-collapse fit example:mlp-overtrained --out mlp-horizon
    Example: scaling-collapse fit example:mlp-overtrained --law
    """,
    "derive": """When must curves collapse? The compute-optimal horizon of a scaling law, derived in steps.

    Example: scaling-collapse derive "L0 + a*t**-mu + b*p**-nu"
    """,
    "simulate": """What does a schedule do? Loss curves of power-law random features under any schedules.

    Example: scaling-collapse simulate --sizes 64 128 256 --alpha 1.0 --beta 0.25 --batch 4 --seeds 8 --out simulated
    """,
    "extrapolate": """What will the big model reach? Its whole loss curve from a ladder of smaller ones.

    Example: scaling-collapse extrapolate example:mlp --params 100k --out predicted
    """,
    "forecast": """What will this schedule reach, and when should I cool down? From learning rates alone.

    Example: scaling-collapse forecast example:mlp-schedule-constant example:mlp-schedule-linear --plan --budget 8M
    """,
    "validate": """Do the predictions hold? Theory and simulator beside what curve tables say.

    Example: scaling-collapse validate example:mlp example:mlp-constant --offset 0 --out validation
    """,
    "figures": """Draw the papers' figures from the curve tables that come along, or from others.

    Example: scaling-collapse figures fig01b fig05 --out figures --fast
    """,
    "train": """Train the ladder of a preset or a ladder file, plan it, resume it, or find its horizon.

    Example: scaling-collapse train demo --plan
    Example: scaling-collapse train demo --out runs --resume
    """,
}

app = App(
    name="scaling-collapse",
    help="Derive, simulate, measure and forecast the collapse of loss curves across model sizes.",
    version=__version__,
    help_format="plaintext",  # markdown would eat the asterisks of a law
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # what stands is said below
)
for _name, _help in VERBS.items():
    app.command(
        f"scaling_collapse.verbs.{_name.replace('-', '_')}:{_name.replace('-', '_')}", name=_name, help=cleandoc(_help)
    )


KINDS = {
    float: "a number, such as 0.5, 3e8 or 125M",
    int: "a whole number",
}


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
        kind = KINDS.get(error.target_type, "a value of its kind")
        return f"{verb} needs {argument} to be {kind}; got {error.token.value!r}. {ask}"
    if isinstance(error, cyclopts.UnusedCliTokensError):
        return f"{verb} needs no more arguments; got {' '.join(error.unused_tokens or [])!r}. {ask}"
    return f"{verb} cannot read its arguments: {' '.join(str(error).split())} {ask}"


def main(tokens: list[str] | None = None) -> int:
    """Run one command line (default: the process's own) and return its exit code."""
    with patient_streams() as output:
        code = _run(sys.argv[1:] if tokens is None else tokens)
        output.flush()
        if output.failure is not None and not isinstance(output.failure, BrokenPipeError):  # `| head` has had enough
            return _refused(f"cannot write to standard output: {output.failure.strerror}. Send it to another place.")
    return code


def _run(tokens: list[str]) -> int:
    # A lone hyphen is standard input, but after --json it is standard output; the parser takes it for an option.
    tokens = [
        "stdin:" if t == "-" and before != "--json" else t for before, t in zip(["", *tokens], tokens, strict=False)
    ]
    try:
        return app(tokens, print_error=False, exit_on_error=False) or 0
    except CycloptsError as error:
        return _refused(_sentence(error))
    except InputError as error:
        return _refused(str(error))
    except KeyboardInterrupt as interrupt:
        stands = str(interrupt) or "interrupted; what was said to be written stands, nothing else was"
        print(stands, file=sys.stderr)  # noqa: T201
        return 130


def _refused(message: str) -> int:
    print(f"error: {without_commands(message, one_line=True)}", file=sys.stderr)  # noqa: T201
    return 2
