"""The manifest of a training run: what was trained, on what, with which versions and seeds, and how it went."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from ...common import InputError
from ..tables.files import write_atomically
from .ladder_file import LadderFile
from .size_plan import SizePlan
from .typed_table import TableFault, typed_table

__all__ = [
    "FILE",
    "ForcedResume",
    "Manifest",
    "RunStatus",
    "finish",
    "git_revision",
    "go_on",
    "new_manifest",
    "read_manifest",
    "write_manifest",
]

FILE = "manifest.json"
FORMAT = 1
DESCRIBE = ("--always", "--dirty", "--abbrev=40", "--exclude=*")


RunStatus = Literal["running", "finished"]


class ForcedResume(TypedDict):
    """A size that went on at a step although the environment differed: what it was, and what it is now."""

    size: str
    step: int
    was: dict[str, Any]
    now: dict[str, Any]


class Manifest(TypedDict):
    """What is written: a run, its status, and a table of numbers for each size."""

    format: int
    scaling_collapse: str
    git_revision: str | None
    status: RunStatus
    started: str
    finished: str | None
    ladder: dict[str, Any]
    fingerprint: str
    data: dict[str, Any]
    seeds: list[int]
    environment: dict[str, Any]
    sizes: list[dict[str, Any]]
    diverged: list[str]
    notes: list[str]
    forced_resumes: list[ForcedResume]


def new_manifest(
    ladder: LadderFile, data: Mapping[str, Any], sizes: Sequence[SizePlan], environment: Mapping[str, Any]
) -> Manifest:
    """The manifest of a run that starts now; `data` is the task's description."""
    return {
        "format": FORMAT,
        "scaling_collapse": version("scaling-collapse"),
        "git_revision": git_revision(),
        "status": "running",
        "started": _now(),
        "finished": None,
        "ladder": ladder.to_json(),
        "fingerprint": ladder.fingerprint,
        "data": dict(data),
        "seeds": list(range(ladder.seeds)),
        "environment": dict(environment),
        "sizes": [
            {
                "width": size.width,
                "depth": size.depth,
                "params": size.params,
                "tokens": size.tokens,
                "steps": size.steps,
                "flops": size.train_flops,
                "evaluation_share": size.evaluation_share,
                "test_examples": size.test_examples,
                "noise_batches": size.noise_batches,
                "tokens_per_second": None,
            }
            for size in sizes
        ],
        "diverged": [],
        "notes": [],
        "forced_resumes": [],
    }


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder, None where there is none.

    Raises
    ------
    InputError
        If it is damaged, of another program, or of a newer format.
    """
    path = folder / FILE
    try:
        manifest = json.loads(path.read_text())
        found = int(manifest["format"])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"train cannot read {path}: {error.strerror}. Check its permissions.") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"train needs a manifest of its own; got {path}, which is damaged or of another program. Choose another "
            "folder."
        ) from None
    if found > FORMAT:
        raise InputError(
            f"train needs a manifest of format {FORMAT} or older; got format {found} in {path}. Update "
            "scaling-collapse."
        )
    told = typed_table(Manifest, manifest)
    if isinstance(told, TableFault):
        raise InputError(
            f"train needs a manifest of its own; got {path}, which is damaged or of another program at `{told.at}`: "
            f"{told.why}. Choose another folder."
        )
    return told


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """Write the manifest, all of it or nothing."""
    return write_atomically(folder / FILE, (json.dumps(manifest, indent=1) + "\n").encode())


def go_on(manifest: Manifest, found: Manifest) -> None:
    """Take over what an earlier start of the run wrote down."""
    manifest["started"], manifest["sizes"] = found["started"], found["sizes"]
    manifest["notes"], manifest["forced_resumes"] = found["notes"], found["forced_resumes"]


def finish(manifest: Manifest) -> None:
    """Mark a manifest as that of a finished run."""
    manifest["status"], manifest["finished"] = "finished", _now()


def git_revision() -> str | None:
    """The commit of the checkout that runs, with `-dirty` where it was changed; None outside one."""
    here = Path(__file__).resolve()
    try:
        for command in (["ls-files", "--error-unmatch", here.name], ["describe", *DESCRIBE]):
            # The first one fails where this file lies in a checkout of something else.
            done = subprocess.run(["git", *command], cwd=here.parent, capture_output=True, text=True, timeout=10)
            if done.returncode:
                return None
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
