"""The house: which room may import which, no circles, one concept a file.

The graph is built from the sources (imports in functions and for type checkers count too). Names that a room's facade
loads lazily are no arrows in it, so nobody inside a room may import through its own facade.
"""

import ast
import itertools
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "scaling_collapse"
FILES = sorted(p for p in PACKAGE.rglob("*.py") if "__pycache__" not in p.parts)
TREES = {p: ast.parse(p.read_text()) for p in FILES}

ROOMS = ("common", "theory", "sgd_noise_model", "empirical", "paper_figures", "examples", "output", "verbs", "cli")
"""From the ground up: a room imports from those before it."""
INSIDE = {
    "theory": ("laws", "phases"),
    "sgd_noise_model": ("schedules", "problems", "solvers"),
    "empirical": ("tables", "fits", "collapse", "extrapolation", "running", "validation"),
}
"""The same inside the rooms that have rooms of their own."""
BESIDE = {
    "empirical.pictures": ("empirical.tables", "empirical.validation"),
    "empirical.collapse_page": ("empirical.tables", "empirical.pictures", "empirical.validation"),
    "empirical.families": ("empirical.pictures", "empirical.trainer", "empirical.validation"),
    "empirical.trainer": (
        "empirical.fits",
        "empirical.collapse",
        "empirical.extrapolation",
        "empirical.running",
        "empirical.pictures",
        "empirical.validation",
    ),
    "theory.ladder_errors": ("theory.laws", "theory.phases"),
}
"""Rooms that stand beside others: they know nothing of these."""
LONGEST_FUNCTION = 60  # lines, docstring included
LONGEST_FILE = 400
MOST_POSITIONAL = 6


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("scaling_collapse", include_external_packages=True)


def arrows(graph):
    for module in graph.modules:
        if module.startswith("scaling_collapse"):
            for imported in graph.find_modules_directly_imported_by(module):
                yield module.removeprefix("scaling_collapse").lstrip("."), imported.removeprefix("scaling_collapse.")


def inside(module, room):
    return module == room or module.startswith(f"{room}.")


def test_no_circles(graph):
    below = {}
    for module, imported in arrows(graph):
        below.setdefault(module, set()).add(imported)
    try:
        tuple(TopologicalSorter(below).static_order())
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


def test_no_arrow_upwards(graph):
    orders = [ROOMS, *(tuple(f"{room}.{r}" for r in rooms) for room, rooms in INSIDE.items())]
    wrong = []
    for (module, imported), order in itertools.product(arrows(graph), orders):
        stands = [i for i, room in enumerate(order) if inside(module, room)]
        reaches = [i for i, room in enumerate(order) if inside(imported, room)]
        if stands and reaches and reaches[0] > stands[0]:
            wrong.append(f"{module} -> {imported}")
    for (module, imported), (room, others) in itertools.product(arrows(graph), BESIDE.items()):
        if inside(module, room) and any(inside(imported, other) for other in others):
            wrong.append(f"{module} -> {imported}")
    assert not wrong


def test_every_room_has_its_place():
    there = {p.parent.name for p in PACKAGE.glob("*/__init__.py")} | {p.stem for p in PACKAGE.glob("*.py")}
    assert there - {"__init__", "__main__"} == set(ROOMS)
    for room in INSIDE:
        nested = {p.parent.name for p in (PACKAGE / room).glob("*/__init__.py")}
        placed = {name for name in BESIDE if inside(name, room)} | {f"{room}.{name}" for name in INSIDE[room]}
        assert {f"{room}.{name}" for name in nested} - placed <= {"sgd_noise_model.laws"}


def test_pictures_are_drawn_in_two_rooms_only(graph):
    drawing = {m for m, imported in arrows(graph) if inside(imported, "matplotlib")}
    assert all(inside(m, "empirical.pictures") or inside(m, "paper_figures") for m in drawing), drawing


def test_nobody_imports_through_the_facade_of_the_own_room(graph):
    for module, imported in arrows(graph):
        assert not (imported in ROOMS and module.startswith(f"{imported}.")), module


def test_no_two_files_have_one_name():
    names = Counter(p.stem for p in FILES if p.stem != "__init__" and p.parent.name != "verbs")
    assert not [name for name, n in names.items() if n > 1]


def test_no_private_name_crosses_a_file():
    crossing = [
        f"{path.relative_to(PACKAGE)}: {alias.name}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]
    assert not crossing


def test_functions_and_files_are_short():
    long = [
        f"{path.relative_to(PACKAGE)}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    ]
    long += [
        f"{path.relative_to(PACKAGE)} has {n} lines"
        for path in FILES
        if (n := len(path.read_text().splitlines())) > LONGEST_FILE
    ]
    assert not long


def test_calls_name_their_arguments():
    many = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {ast.unparse(node.func)}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and len(node.args) > MOST_POSITIONAL
    ]
    assert not many


def test_a_class_carries_the_name_of_its_file():
    """In a file of one public class, one word of its name begins as a word of the file's does."""
    strangers = []
    for path, tree in TREES.items():
        classes = [n.name for n in tree.body if isinstance(n, ast.ClassDef) and not n.name.startswith("_")]
        if len(classes) == 1:
            words = "".join(f" {c}" if c.isupper() else c for c in classes[0]).lower().split()
            if not any(w[:4] == f[:4] for w in words for f in path.stem.split("_")):
                strangers.append(f"{path.relative_to(PACKAGE)}: {classes[0]}")
    assert not strangers
