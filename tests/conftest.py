"""Fixtures that every room's tests share."""

import importlib
import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None, derandomize=True)
settings.load_profile("default")

PUBLISHED = Path(__file__).resolve().parents[2] / "shared" / "curves"


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
