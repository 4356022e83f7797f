"""A derivation as text, as a LaTeX document and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy

from ...common import plain
from ..collapse import default_grid
from .derivation_findings import Findings
from .derivation_steps import LIMIT, OPTIMAL_LOSS, T_STAR, Step
from .relations import branches_of, readable

__all__ = ["to_json", "to_latex", "to_text"]

_LATEX_NAMES = {T_STAR: "t^{*}", sympy.Symbol("rate"): r"\text{rate}"}


def _equation_text(relation: Any) -> str:
    relation = readable(relation)
    if isinstance(relation, sympy.Eq):
        return f"{relation.lhs} = {relation.rhs}"
    return "always" if relation == sympy.true else str(relation)


def to_text(steps: Iterable[Step]) -> str:
    """Headings, sentences, and equations indented below them."""
    lines: list[str] = []
    for step in steps:
        if step.heading:
            lines += ["", step.heading, "-" * len(step.heading)]
        lines.append(step.sentence)
        lines += [f"    {_equation_text(relation)}" for relation in step.equations]
    return "\n".join(lines).strip() + "\n"


def _side(expr: Any) -> str:
    text = sympy.latex(expr, symbol_names=_LATEX_NAMES, mul_symbol=r"\,")
    for function, name in ((LIMIT, r"\ell_{\infty}"), (OPTIMAL_LOSS, r"L_{\mathrm{opt}}")):
        text = text.replace(sympy.latex(function.func), name)
    return text.replace(r"l{\left(x,p \right)}", r"\ell(x, p)")


def _equation_latex(equation: Any) -> str:
    """One display line; a long sum breaks before each of its terms."""
    relation: Any = readable(equation)
    if not isinstance(equation, sympy.Eq):
        return r"\text{always}" if relation == sympy.true else _side(relation)
    parts = [_side(part) for part in sympy.Add.make_args(relation.rhs)]
    whole = _side(relation.rhs)
    if len(parts) == 1 or len(whole) < 160:
        return f"{_side(relation.lhs)} = {whole}"
    broken = [part if k == 0 or part.startswith("-") else f"+ {part}" for k, part in enumerate(parts)]
    lines = r" \\ & \quad ".join(broken)
    return rf"\begin{{aligned}} {_side(relation.lhs)} = {{}} & {lines} \end{{aligned}}"


def to_latex(steps: Iterable[Step]) -> str:
    """A document that compiles as it is."""
    lines = [
        r"\documentclass{article}",
        r"\usepackage{amsmath}",
        r"\setlength{\textwidth}{17cm}\setlength{\oddsidemargin}{-0.4cm}\setlength{\parindent}{0pt}",
        r"\allowdisplaybreaks",
        r"\begin{document}",
    ]
    for step in steps:
        if step.heading:
            lines.append(rf"\section*{{{step.heading}}}")
        lines.append(step.sentence)
        if step.equations:
            rows = " \\\\\n".join(_equation_latex(relation) for relation in step.equations)
            lines.append("\\begin{gather*}\n" + rows + "\n\\end{gather*}")
        else:
            lines.append("")
    return "\n".join([*lines, r"\end{document}", ""])


def _number(value: Any) -> Any:
    """A float for a number, None for None, else the sympy string."""
    return None if value is None else float(value) if value.is_number and value.is_finite else str(value)


def to_json(found: Findings) -> dict[str, Any]:
    """See `Derivation.to_json`."""
    optimal, curves = found.optimal, found.curves
    pieces = [(case.condition, curve, case) for curve in curves for case in curve.cases]

    def by_case(values: list[Any]) -> Any:
        """One value where there is one case else a Piecewise over the cases."""
        branches = [(v, c) for v, (c, *_) in zip(values, pieces, strict=True) if v is not None]
        return branches_of(branches) if len(values) != 1 and branches else values[0] if values else None

    def by_region(name: str) -> Any:
        return getattr(optimal.only, name) if len(optimal.regions) == 1 else optimal.piecewise(name)

    scalars = {
        "gamma": by_case([curve.gamma for _, curve, _ in pieces]),
        "kappa": by_case([curve.kappa for _, curve, _ in pieces]),
        "frontier_exponent": by_region("exponent"),
        "frontier_amplitude": by_region("amplitude"),
        "optimal_gamma": by_region("gamma"),
        "rate": by_case([case.zeta for *_, case in pieces]),
        "frontier_rate": by_region("rate"),
        "horizon_logs": by_case([curve.logs for _, curve, _ in pieces]),
        "frontier_logs": by_region("frontier_logs"),
    }
    functions = {
        "normalized_curve": by_case([curve.expr for _, curve, _ in pieces]),
        "limit": by_case([case.limit for *_, case in pieces]),
        "coefficient": by_case([case.coefficient for *_, case in pieces]),
        "decay": by_case([case.decay for *_, case in pieces]),
        "condition": found.condition,
    }
    spread = found.spread
    summary = {
        "law": str(found.law.expr),
        **{name: _number(value) for name, value in scalars.items()},
        **{name: None if value is None else str(value) for name, value in functions.items()},
        "exact": bool(pieces) and all(case.exact for *_, case in pieces),
        "kind": [case.kind for *_, case in pieces] if len(pieces) != 1 else pieces[0][2].kind,
        "status": optimal.regions[0].status,
        "reason": optimal.regions[0].reason or None,
        "exact_forms": {name: None if value is None else str(value) for name, value in scalars.items()},
        "sizes": found.sizes,
        "spread": None if spread is None else {"x": default_grid(), "delta": spread},
    }
    return plain(summary)
