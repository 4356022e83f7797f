"""The house: symlinks, package list, layers, and the wheel that users get."""

import ast
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("theory", "sgd_noise_model", "empirical", "paper_figures")


def python_files(*folders):
    return [p for folder in folders for p in sorted((ROOT / folder).rglob("*.py")) if "__pycache__" not in p.parts]


def test_each_room_is_a_committed_symlink():
    for room in ROOMS:
        link = ROOT / "scaling_collapse" / room
        assert link.is_symlink()
        assert link.readlink() == Path("..") / room


def test_the_package_list_is_complete():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    there = {"scaling_collapse", "scaling_collapse.verbs"}
    for room in ROOMS:
        for init in (ROOT / room).rglob("__init__.py"):
            there.add(".".join(("scaling_collapse", *init.parent.relative_to(ROOT).parts)))
    assert listed == there


def test_rooms_import_relatively_and_only_from_rooms_below():
    for i, room in enumerate(ROOMS):
        for path in python_files(room):
            depth = len(path.relative_to(ROOT).parts) - 1  # folders above the file, its room included
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    names = [a.name.split(".")[0] for a in node.names]
                    assert not {"scaling_collapse", *ROOMS} & set(names), f"{path}: import relatively"
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    assert node.module.split(".")[0] not in {"scaling_collapse", *ROOMS}, f"{path}: import relatively"
                elif isinstance(node, ast.ImportFrom) and node.level > depth:
                    target = (node.module or node.names[0].name).split(".")[0]
                    assert node.level == depth + 1, path
                    assert target in ROOMS[:i], f"{path} reaches {target}, which is not a room below {room}"


def test_nobody_else_imports_a_room_by_its_bare_name():
    for path in python_files("scaling_collapse/verbs", "tests", "benchmarks"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not set(ROOMS) & {a.name.split(".")[0] for a in node.names}, path
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                assert node.module.split(".")[0] not in ROOMS, path


def test_every_public_name_loads():
    import scaling_collapse as sc

    for module in (sc, sc.theory, sc.sgd_noise_model, sc.empirical, sc.paper_figures):
        assert module.__all__
        for name in module.__all__:
            assert getattr(module, name) is not None


@pytest.mark.slow
def test_the_wheel_installs_scaling_collapse_and_nothing_else(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {n.split("/")[0] for n in names}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"scaling_collapse"}
    for path in [*python_files(*ROOMS), *(ROOT / "scaling_collapse").glob("*.py")]:
        inside = path.relative_to(ROOT)
        assert str(inside if inside.parts[0] == "scaling_collapse" else "scaling_collapse" / inside) in names
    for data in (
        "scaling_collapse/py.typed",
        "scaling_collapse/__init__.pyi",
        "scaling_collapse/empirical/house.mplstyle",
        "scaling_collapse/paper_figures/paper.mplstyle",
    ):
        assert data in names

    # An empty environment, the wheel alone (its dependencies stay on this environment's path).
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    (site,) = home.glob("lib/python*/site-packages")
    before = {p.name for p in site.iterdir()}
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check",
         "--target", str(site), str(wheel)],
        check=True,
    )  # fmt: skip
    new = {p.name for p in site.iterdir()} - before - {"bin"}
    assert {n for n in new if not n.endswith(".dist-info")} == {"scaling_collapse"}
    here = next(p for p in sys.path if p.endswith("site-packages"))
    code = (
        f"import sys; sys.path.append({here!r}); import scaling_collapse as sc; "
        "print(sc.__file__); print(sc.measure_collapse, sc.theory.Ladder)"
    )
    python = home / "bin" / "python"
    done = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert str(home) in done.stdout
