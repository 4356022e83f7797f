"""Fixtures that every room's tests share."""

import fcntl
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None, derandomize=True)
settings.load_profile("default")

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT.parent / "shared" / "curves"


@pytest.fixture
def published():
    """Path of a published curve table by name; skips where the tables are absent."""

    def path(name: str) -> Path:
        table = PUBLISHED / f"{name}.parquet"
        if not table.exists():
            pytest.skip(f"the published curves are not here ({table.name})")
        return table

    return path


@pytest.fixture(scope="session")
def optional():
    """Import an optional dependency: skip where it is missing, but fail in CI, which must have them all."""

    def load(name: str):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"{name} is not installed")

    return load


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel that users get, built once for all workers of a test run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "wheel"
    with (shared / "wheel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
            subprocess.run(command, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found
