"""The package: links for readers, public names, and the wheel that users get."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "scaling_collapse"
KINDS = {".py", ".pyi", ".typed", ".toml", ".parquet", ".mplstyle", ".html", ".css", ".js"}
LINKED = ("theory", "sgd_noise_model", "empirical", "paper_figures", "ladders")


def test_each_room_and_the_ladders_have_a_link_beside_the_package():
    for room in LINKED:
        link = ROOT / room
        if not link.is_symlink():  # as git checks links out where the file system has none
            assert link.read_text() == f"scaling_collapse/{room}"
        else:
            assert link.readlink() == Path("scaling_collapse") / room


def test_a_room_is_not_imported_by_its_link():
    done = subprocess.run([sys.executable, "-c", "import theory"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "import scaling_collapse.theory" in done.stderr or "No module named 'theory'" in done.stderr


def test_every_public_name_loads():
    import scaling_collapse as sc

    for module in (sc, sc.theory, sc.sgd_noise_model, sc.empirical, sc.paper_figures):
        assert module.__all__
        for name in module.__all__:
            assert getattr(module, name) is not None


def test_make_demo_does_not_write_over_an_earlier_one_unasked(tmp_path):
    def make(*options):
        command = ["make", "--no-print-directory", "unwritten", *options]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    earlier = f"OUT={tmp_path}"
    assert make(earlier).returncode == 0  # empty
    (tmp_path / "report.json").write_text("{}")
    refused = make(earlier)
    assert refused.returncode == 2
    assert "Keep it: make demo OUT=demo-2. Replace it: make demo DEMO_ARGS=--overwrite" in refused.stdout
    assert make(earlier, "DEMO_ARGS=--overwrite").returncode == 0


@pytest.mark.slow
def test_the_wheel_installs_scaling_collapse_and_nothing_else(tmp_path, wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {n.split("/")[0] for n in names}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"scaling_collapse"}
    for path in PACKAGE.rglob("*"):
        if path.suffix in KINDS and "__pycache__" not in path.parts:
            assert str(path.relative_to(ROOT)) in names

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
