"""Where things are kept when the home folder is missing or cannot be written.

As root no permission stops a write, so a folder that cannot be written is one below a plain file.
"""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import pytest

from scaling_collapse.common import cache_folder, njit, settle_matplotlib

PACKAGE = Path(__file__).resolve().parents[1] / "scaling_collapse"
VARIABLES = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder that can be written, temporary files elsewhere, nothing else set."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "home"


@pytest.fixture
def homeless(home, monkeypatch):
    home.rmdir()
    home.write_text("a file")
    return Path(tempfile.gettempdir()) / f"scaling-collapse-{os.getuid()}"


def test_with_a_home_nothing_is_made_and_nothing_set(home, monkeypatch):
    assert cache_folder() == home / ".cache" / "scaling-collapse"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "elsewhere"))
    assert cache_folder() == home / "elsewhere" / "scaling-collapse"
    settle_matplotlib()
    assert "MPLCONFIGDIR" not in os.environ
    assert not list(home.iterdir())


def test_without_a_home_it_is_one_private_folder(homeless, monkeypatch):
    assert cache_folder() == cache_folder() == homeless
    assert stat.S_IMODE(homeless.stat().st_mode) == 0o700
    monkeypatch.setenv("MPLCONFIGDIR", "")  # so that it is undone after the test
    settle_matplotlib()
    assert os.environ["MPLCONFIGDIR"] == str(homeless / "matplotlib")
    settle_matplotlib()
    monkeypatch.setenv("MPLCONFIGDIR", "mine")
    settle_matplotlib()
    assert os.environ["MPLCONFIGDIR"] == "mine"


def test_a_user_without_any_home_gets_no_folder_named_tilde(homeless, monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert cache_folder() == homeless


@pytest.mark.parametrize("taken", ["open to others", "a link", "a file"])
def test_what_another_user_may_have_put_there_is_not_used(homeless, taken, tmp_path):
    if taken == "open to others":
        homeless.mkdir(mode=0o700)
        homeless.chmod(0o777)
    elif taken == "a link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        homeless.symlink_to(tmp_path / "theirs")
    else:
        homeless.write_text("")
    found = cache_folder()
    assert found != homeless
    assert found.parent == homeless.parent
    assert stat.S_IMODE(found.stat().st_mode) == 0o700


def test_without_any_folder_the_users_own_is_named(homeless, home, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    assert cache_folder() == home / ".cache" / "scaling-collapse"
    settle_matplotlib()
    assert "MPLCONFIGDIR" not in os.environ


def module(folder, name):
    """A module with one compiled function, in a folder whose `__pycache__` cannot be made."""
    folder.mkdir()
    (folder / "__pycache__").write_text("a file")
    path = folder / f"{name}.py"
    path.write_text("from scaling_collapse.common import njit\n@njit()\ndef twice(x):\n    return 2 * x\n")
    return path


def run(code, cwd, **environment):
    given = {name: value for name, value in os.environ.items() if name not in (*VARIABLES, "HOME")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=given | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def test_compiled_functions_are_kept_where_numba_finds_a_folder(tmp_path):
    module(tmp_path / "site", "doubling")
    code = "import doubling; print(doubling.twice(21), doubling.twice.stats.cache_path)"
    path = str(tmp_path / "site") + os.pathsep + str(PACKAGE.parent)
    (tmp_path / "home").mkdir()
    kept = run(code, tmp_path, HOME=str(tmp_path / "home"), PYTHONPATH=path)
    assert kept.startswith(f"42 {tmp_path}/home/")
    named = run(code, tmp_path, HOME="/dev/null", PYTHONPATH=path, NUMBA_CACHE_DIR=str(tmp_path / "named"))
    assert named.startswith(f"42 {tmp_path}/named/")


def test_and_compiled_anew_where_it_finds_none(tmp_path):
    module(tmp_path / "site", "doubling")
    path = str(tmp_path / "site") + os.pathsep + str(PACKAGE.parent)
    code = "import doubling; print(doubling.twice(21), doubling.twice.stats.cache_path)"
    assert run(code, tmp_path, HOME="/dev/null", PYTHONPATH=path) == "42 None\n"
    nobody = "import os; os.path.expanduser = lambda path: path; " + code
    assert run(nobody, tmp_path, PYTHONPATH=path) == "42 None\n"
    assert [p.name for p in tmp_path.iterdir()] == ["site"]


def test_options_reach_numba():
    def inverse(x):
        return 1.0 / x

    assert njit(error_model="numpy")(inverse)(0.0) == float("inf")
    with pytest.raises(ZeroDivisionError):
        numba.njit(inverse)(0.0)


def test_every_compiled_function_of_the_package_is_compiled_so():
    calls = [p.name for p in PACKAGE.rglob("*.py") if "numba.njit" in p.read_text() or "numba.jit" in p.read_text()]
    assert calls == ["compiled.py"]
