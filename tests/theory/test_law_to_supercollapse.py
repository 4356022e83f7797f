"""The page on the road to supercollapse shows the equations that the code derives."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def builder():
    spec = importlib.util.spec_from_file_location("build_equations", DOCS / "build_equations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_committed_page_is_what_the_code_writes(builder):
    page = builder.PAGE.read_text(encoding="utf-8")
    assert builder.rebuilt(page) == page, "run `python docs/build_equations.py`"


def test_every_equation_is_on_the_page_once(builder):
    page = builder.PAGE.read_text(encoding="utf-8")
    assert sorted(name for _, name, _ in builder.BLOCK.findall(page)) == sorted(builder.EQUATIONS)


def test_a_stale_equation_is_noticed(builder):
    page = builder.PAGE.read_text(encoding="utf-8")
    assert builder.rebuilt(page.replace(r"\operatorname{erf}", "x")) == page != page.replace(r"\operatorname{erf}", "x")
