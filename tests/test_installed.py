"""It works where it is installed: an empty environment with the wheel, read-only, without a home folder.

Every command runs in another folder than the sources', as a user who may read everything and write only there. That
needs root and Linux's `setpriv`. Elsewhere it runs as this user, with a home folder that is none. In both cases numba
finds no folder to keep compiled functions in: where its `__pycache__` would be stands a plain file.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

STRANGER = 54321  # a user of no name, and so of no home
READER = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups",
          "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]  # fmt: skip
README = """
import scaling_collapse as sc
ladder = sc.examples.load("demo")
report = sc.measure_collapse(ladder, offset=0)
print(sc.__file__, report.verdict, round(report.law.b, 2))
"""
FOURIER = """
widths = [4, 8]
seeds = 2
batch_size = 32
task = {kind = "fourier", dimensions = 2, modes = 40, exponent = 1.5, test_examples = 640}
model = {kind = "mlp", depth = 2}
horizon = {tokens = 2000}
"""
TEXT = """
widths = [8]
batch_size = 8
task = {kind = "text", files = ["words.txt"], context = 8, test_examples = 64}
model = {kind = "decoder", depth = 1}
horizon = {tokens = 3200}
"""
LAW = "2*t**-0.5 + p**-0.4 + t**-0.3*p**-0.3"
FORECAST = ["forecast", "example:mlp-schedule-constant", "example:mlp-schedule-linear"]
VERBS = {
    "measure": (["measure", "example:mlp", "--offset", "0"],
                ["report.json", "report.html", "law.png", "collapse.png", "delta_vs_sigma.png", "trend.png"]),
    "fit": (["fit", "example:mlp-overtrained"], ["report.json", "horizon.png"]),
    "derive": (["derive", LAW, "--sizes", "1e6", "1e8"], ["report.json", "derivation.tex", "normalized.png"]),
    "simulate": (["simulate", "--sizes", "64", "128", "--alpha", "1", "--beta", "0.25", "--solver", "fast"],
                 ["curves.parquet", "report.json", "curves.png"]),
    "forecast": ([*FORECAST, "--target", "example:mlp-schedule-wsd"],
                 ["forecast.parquet", "report.json", "forecast.png"]),
    "plan": (["plan", "example:fourier3", "--offset", "0"], ["report.json"]),
    "forecast's plan": (
        [*FORECAST, "--plan", "--budget", "1e6"],
        ["plan.parquet", "report.json", "plan.png", "schedule.csv", "schedule.json"],
    ),
    "extrapolate": (["extrapolate", "example:mlp", "--params", "100000"],
                    ["extrapolation.parquet", "report.json", "extrapolation.png"]),
    "validate": (["validate", "example:fourier3", "--offset", "fourier3=0"], ["report.json", "report.html"]),
    "figures": (["figures", "fig01c", "fig04", "--fast"],
                ["fig01c_supercollapse.png", "fig04_ablations.png", "report.json"]),
    "train": (["train", "fourier.toml"], ["curves.parquet", "manifest.json"]),
    "train on text": (["train", "text.toml"], ["curves.parquet", "manifest.json"]),
}  # fmt: skip
"""A command line without `--out`, and what it writes there."""


@dataclass(frozen=True)
class Installation:
    """The wheel in an environment of its own, and who runs it where."""

    python: Path
    work: Path
    user: list[str]
    environment: dict[str, str]

    def run(self, *arguments):
        return subprocess.run(
            [*self.user, str(self.python), *arguments],
            cwd=self.work,
            env=self.environment,
            capture_output=True,
            text=True,
        )


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    home = tmp_path_factory.mktemp("installed") / "venv"
    open_to_all = Path(tempfile.mkdtemp())  # pytest's own folders are closed to a stranger
    open_to_all.chmod(0o755)
    work, temporary = open_to_all / "work", open_to_all / "tmp"
    venv.create(home, with_pip=False)
    (site,) = home.glob("lib/python*/site-packages")
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    here = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([*pip, "--no-compile", "--disable-pip-version-check", str(wheel)], check=True, env=here)
    # The dependencies stay where they are; their folder's own .pth files are not read, so the sources are not found.
    (site / "dependencies.pth").write_text(next(p for p in sys.path if p.endswith("site-packages")) + "\n")
    work.mkdir()
    temporary.mkdir()
    (work / "fourier.toml").write_text(FOURIER)
    (work / "text.toml").write_text(TEXT)
    (work / "words.txt").write_text(Path(__file__).read_text())
    _close(site / "scaling_collapse")
    environment = {"PATH": os.defpath, "TMPDIR": str(temporary)}
    user = READER if _can_be_a_stranger(python) else []
    if user:
        for folder in (work, temporary):
            os.chown(folder, STRANGER, STRANGER)
    else:
        environment["HOME"] = os.devnull
    yield Installation(python=python, work=work, user=user, environment=environment)
    shutil.rmtree(open_to_all)


def _close(package):
    """Make a package read-only."""
    for folder in [package, *(p for p in package.rglob("*") if p.is_dir())]:
        (folder / "__pycache__").write_text("")
        folder.chmod(0o555)


def _can_be_a_stranger(python):
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        return False
    return subprocess.run([*READER, str(python), "-c", "import numpy"], capture_output=True).returncode == 0


def test_nothing_can_be_kept(installed):
    code = (
        "import os; from pathlib import Path; import scaling_collapse.common.smoothing as s;"
        "print(s.exponential_average.__module__, {f.stats.cache_path for f in vars(s).values() if hasattr(f, 'stats')})"
    )
    done = installed.run("-c", code)
    assert done.stdout == "scaling_collapse.common.smoothing {None}\n", done.stderr


def test_the_first_lines_of_the_readme(installed):
    done = installed.run("-c", README)
    assert done.stderr == ""
    place, *found = done.stdout.split()
    assert place == str(next(installed.python.parents[1].glob("lib/*/site-packages/scaling_collapse/__init__.py")))
    assert found == ["supercollapse", "0.25"]


@pytest.mark.parametrize("name", VERBS)
def test_each_verb(installed, name):
    command, files = VERBS[name]
    out = installed.work / name.replace(" ", "-")
    done = installed.run("-m", "scaling_collapse", *command, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for file in files:
        assert (out / file).stat().st_size > 0
    assert not (installed.work / "~").exists()  # what a path becomes that nobody's home stands for


def test_a_verb_leaves_nothing_in_the_working_folder_but_its_answer(installed):
    before = {p.name for p in installed.work.iterdir()}
    assert installed.run("-m", "scaling_collapse", *VERBS["fit"][0], "--out", "fit-again").returncode == 0
    assert {p.name for p in installed.work.iterdir()} - before == {"fit-again"}
