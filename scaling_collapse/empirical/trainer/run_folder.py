"""What lies in the folder of a training: lock, manifest, checkpoints and curve table; gone on with, or refused."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from torch.optim import Optimizer

from ...common import InputError
from ...theory import Ladder
from ..tables.curve_writer import write_curves
from ..tables.files import ensure_folder
from .checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from .folder_lock import locked
from .ladder_file import LadderFile
from .machine import Machine
from .manifest import ForcedResume, Manifest, finish, go_on, new_manifest, read_manifest, write_manifest
from .models.model import Model
from .size_plan import SizePlan
from .tasks import Task
from .training_log import TrainingLog

__all__ = ["RunFolder", "open_run"]

TABLE = "curves.parquet"
CHECKPOINTS = "checkpoints"


@contextmanager
def open_run(
    out: str | os.PathLike[str] | None,
    ladder: LadderFile,
    sizes: Sequence[SizePlan],
    task: Task,
    *,
    resume: bool,
    force: bool,
    overwrite: bool = False,
) -> Iterator[RunFolder]:
    """The folder of a run, held for this process alone while the run lasts.

    Parameters
    ----------
    out
        The folder; None keeps everything in memory.
    ladder, sizes, task
        What is trained on what.
    resume
        Go on with the run that the folder holds, if it holds one.
    force
        Go on although the environment differs.
    overwrite
        Replace what lies there under the names of a run's files and belongs to none.

    Raises
    ------
    InputError
        If another process uses the folder, or it holds a run that is not to be gone on with, another one, none of
        this program's, or files of these names that belong to no run.
    """
    if out is None:
        yield RunFolder(None, ladder, sizes, data={}, found=None, force=force)
        return
    path, data = Path(out), task.describe()
    # Under torchrun the first process holds and writes; the others read.
    first = os.environ.get("RANK", "0") == "0"
    with locked(path) if first else nullcontext():
        found = read_manifest(path)
        if found is not None and first and not resume:
            raise InputError(
                f"train needs a folder without a run; got {path}, which holds one ({found['status']}). Add --resume "
                "to go on with it, or choose another folder."
            )
        if found is not None:
            _refuse_another(path, found, ladder, data, len(sizes))
        elif first and not overwrite:
            _refuse_to_replace(path, sizes)
        yield RunFolder(path, ladder, sizes, data=data, found=found, force=force, writes=first)


def _refuse_to_replace(path: Path, sizes: Sequence[SizePlan]) -> None:
    for file in (path / TABLE, *(_checkpoint_path(path, size) for size in sizes)):
        if os.path.lexists(file):
            raise InputError(
                f"train needs --overwrite to replace {file}, which belongs to no run. Add it, or choose another folder."
            )


def _checkpoint_path(path: Path, size: SizePlan) -> Path:
    return path / CHECKPOINTS / f"{size.name}.safetensors"


def _refuse_another(path: Path, found: Manifest, ladder: LadderFile, data: Mapping[str, Any], sizes: int) -> None:
    same_ladder = found["fingerprint"] == ladder.fingerprint
    same_data = found["data"] == json.loads(json.dumps(data))  # as a manifest gives them back
    if not (same_ladder and same_data):
        raise InputError(
            f"train --resume needs the {'data' if same_ladder else 'ladder'} that the run was started with; got "
            f"another one than in {path}. Choose another folder."
        )
    if len(found["sizes"]) != sizes:
        raise InputError(
            f"train needs a manifest of its own; got {path / 'manifest.json'}, which is damaged: {len(found['sizes'])} "
            f"sizes, and the ladder has {sizes}. Choose another folder."
        )


class RunFolder:
    """The folder of a run that `open_run` opened; without one (`path` None) nothing is read or written.

    Parameters
    ----------
    path
        The folder.
    ladder, sizes, data
        What is trained, and the task's description.
    found
        Manifest of the run that is gone on with.
    force
        Go on although the environment differs, and write that down.
    writes
        Whether this process writes.
    """

    def __init__(
        self,
        path: Path | None,
        ladder: LadderFile,
        sizes: Sequence[SizePlan],
        *,
        data: Mapping[str, Any],
        found: Manifest | None,
        force: bool,
        writes: bool = False,
    ) -> None:
        self.path, self.ladder, self.sizes, self.data = path, ladder, sizes, data
        self.found, self.force = found, force
        self.writes = writes and not self._settled()
        self.identity = hashlib.sha256(json.dumps([ladder.fingerprint, data], sort_keys=True).encode()).hexdigest()
        self.lock = threading.Lock()

    def _settled(self) -> bool:
        """Whether the folder holds the finished run, all of it: then nothing there is touched."""
        if self.path is None or self.found is None or self.found["status"] != "finished":
            return False
        files = [self.path / TABLE, *(_checkpoint_path(self.path, size) for size in self.sizes)]
        return all(file.exists() for file in files)

    @property
    def recorded(self) -> Mapping[str, Any]:
        """The environment in which the run was started; empty for one that starts now."""
        return {} if self.found is None else self.found["environment"]

    def start(self, machine: Machine) -> None:
        """The run goes on this machine from here on."""
        self.environment = machine.environment()
        if self.writes:
            self.manifest = new_manifest(self.ladder, self.data, self.sizes, self.environment)
            with self._changing() as manifest:
                if self.found is not None:
                    go_on(manifest, self.found)
                if machine.note:
                    manifest["notes"].append(machine.note)

    def restore(self, size: SizePlan, model: Model, optimizer: Optimizer, log: TrainingLog) -> int:
        """Bring all three to the size's checkpoint and return its step; 0 where there is none."""
        if self.found is None or not (path := _checkpoint_path(self._path, size)).exists():
            return 0
        saved = load_checkpoint(path)
        if saved.identity != self._identity(size):
            raise InputError(
                f"train --resume needs a checkpoint of this ladder; got one of another in {path}. Remove it to train "
                "this size from its start."
            )
        if saved.step < size.steps:
            self._compare_environments(size, saved)
        saved.restore(model, optimizer, log)
        return saved.step

    def _compare_environments(self, size: SizePlan, saved: Checkpoint) -> None:
        """Refuse what would change the last bits, or write down that it was forced."""
        differ = [k for k, v in self.environment.items() if saved.environment.get(k) != v]
        if not differ:
            return
        was, now = ({k: e.get(k) for k in differ} for e in (saved.environment, self.environment))
        if not self.force:
            changes = ", ".join(f"{k} {now[k]} (was {was[k]})" for k in differ)
            raise InputError(
                f"train --resume needs what the run was started with, or its last bits change; got {changes}. "
                "Restore that, or go on with --force-resume."
            )
        if self.writes:
            with self._changing() as manifest:
                manifest["forced_resumes"].append(ForcedResume(size=size.name, step=saved.step, was=was, now=now))

    def save(self, size: SizePlan, step: int, model: Model, optimizer: Optimizer | None, log: TrainingLog) -> None:
        """Keep the present state of a size; without an optimizer it is one not to go on from."""
        if self.writes:
            path = _checkpoint_path(self._path, size)
            ensure_folder(path.parent)
            identity, environment = self._identity(size), self.environment
            save_checkpoint(
                path, Checkpoint.of(step, model, optimizer, log, identity=identity, environment=environment)
            )

    def note_speed(self, size: SizePlan, tokens_per_second: float) -> None:
        """Write down how fast a size was."""
        if self.writes:
            with self._changing() as manifest:
                manifest["sizes"][self.sizes.index(size)]["tokens_per_second"] = tokens_per_second

    def finish(self, ladder: Ladder) -> None:
        """Write the curve table, and that the run is finished."""
        if self.writes:
            write_curves(ladder, self._path / TABLE)
            with self._changing() as manifest:
                manifest["diverged"] = [f.detail for f in ladder.integrity.of_kind("diverged run")]
                finish(manifest)

    @property
    def _path(self) -> Path:
        assert self.path is not None
        return self.path

    def _identity(self, size: SizePlan) -> str:
        return f"{self.identity}-{size.name}"

    @contextmanager
    def _changing(self) -> Iterator[Manifest]:
        """The manifest, which is written when it has been changed; sizes train side by side."""
        with self.lock:
            yield self.manifest
            write_manifest(self._path, self.manifest)
