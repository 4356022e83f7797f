"""Fixtures of the trainer's tests."""

import pytest


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Token files of a test go nowhere else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "scaling-collapse"
