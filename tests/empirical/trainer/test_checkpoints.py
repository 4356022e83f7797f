"""Runs that are interrupted, and the files that they leave: what is resumed, and what is refused."""

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer import parse_ladder, train_ladder

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")
from scaling_collapse.empirical.trainer import checkpoints  # noqa: E402
from scaling_collapse.empirical.trainer.checkpoints import load_checkpoint, save_checkpoint  # noqa: E402
from scaling_collapse.empirical.trainer.folder_lock import locked  # noqa: E402

TABLE = {
    "name": "tiny",
    "widths": [4, 8],
    "seeds": 2,
    "batch_size": 32,
    "task": {"kind": "fourier", "dimensions": 2, "modes": 40, "exponent": 1.5, "test_examples": 640},
    "model": {"kind": "mlp", "depth": 1},
    "horizon": {"tokens": 4000},
    "evaluation": {"linear": 25, "log": 10, "examples": 64},
    "probes": {"noise_points": 4, "noise_batches": 3, "features": True},
}
TINY = parse_ladder(TABLE)


class Interruption(Exception):  # noqa: N818
    """Stands for whatever ends a run early."""


def interrupted(ladder, out, after=0.4, **options):
    """Train into `out` and stop once a share of the work is done, with checkpoints at every step."""

    def stop(done, message):
        if done > after:
            raise Interruption

    options = {"workers": 1, "checkpoint_seconds": 0.0} | options
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scaling_collapse.empirical.trainer.size_hooks.REPORT_SECONDS", 0.0)
        with pytest.raises(Interruption):
            train_ladder(ladder, out, progress=stop, **options)


def assert_equal(a, b):
    """Two ladders to the last bit."""
    assert [c.run for c in a] == [c.run for c in b]
    for one, other in zip(a, b, strict=True):
        for name in ("tokens", "loss", "lr", "noise_trace"):
            x, y = getattr(one, name), getattr(other, name)
            assert (x is None) == (y is None)
            np.testing.assert_array_equal(x, y)
        assert set(one.extra) == set(other.extra)
        for name, value in one.extra.items():
            np.testing.assert_array_equal(value, other.extra[name])


def checkpoint_of(out):
    """The path of the only unfinished checkpoint."""
    (path,) = [p for p in (out / "checkpoints").glob("*.safetensors") if load_checkpoint(p).step < 125]
    return path


KILLER = """
import os, random, signal, sys, time
from pathlib import Path
import scaling_collapse as sc
from scaling_collapse.empirical.trainer import parse_ladder
from scaling_collapse.empirical.trainer.checkpoints import load_checkpoint
import scaling_collapse.empirical.trainer.loop, scaling_collapse.empirical.tables.curve_writer, pyarrow.parquet
import safetensors.torch
table, folder = eval(sys.argv[1]), Path(sys.argv[2])
ladder = parse_ladder(table)
rng = random.Random(int(sys.argv[3]))
seen, killed = set(), 0
# Everything is imported and compiled here, so that children spend their short lives on training. The threads of this
# run have ended when it returns, and torch keeps to one, so forking is safe.
sc.train_ladder(parse_ladder(table | {"horizon": {"tokens": 64}}), folder / "first")

def child(out):
    pid = os.fork()
    if pid == 0:
        try:
            sc.train_ladder(ladder, out, resume=True, checkpoint_seconds=0.02)
            os._exit(0)
        except BaseException as error:
            print(error, flush=True)
            os._exit(1)
    return pid

start = time.monotonic()
assert os.waitpid(child(folder / "whole"), 0)[1] == 0
alone = time.monotonic() - start  # sets the scale of the moments, whatever the machine is busy with
number = 0
while killed < 20:
    out = folder / f"killed{number}"
    pid = child(out)
    time.sleep(rng.uniform(0.01, 0.09) * alone)
    os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status) or status == 0, status
    killed += os.WIFSIGNALED(status)
    number += not os.WIFSIGNALED(status)  # it was faster: the next one starts from nothing
    for path in (out / "checkpoints").glob("*.safetensors"):
        seen.add((number, path.name, load_checkpoint(path).step))  # never a half-written one
if (folder / f"killed{number}").exists():
    assert os.waitpid(child(folder / f"killed{number}"), 0)[1] == 0
print("killed", killed, "states", len(seen), "seconds", alone)
"""


def test_killed_at_20_random_moments_and_resumed(tmp_path):
    """kill -9 again and again: the curves are equal to the last bit, and no half-written file is ever read."""
    table = TABLE | {"widths": [8, 16, 24], "seeds": 3, "horizon": {"tokens": 24_000}}
    done = subprocess.run(
        [sys.executable, "-c", KILLER, repr(table), str(tmp_path), "0"],
        capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    from scaling_collapse.empirical import read_curves

    _, killed, _, states, *_ = done.stdout.split()
    assert int(killed) == 20
    assert int(states) >= 10
    whole = read_curves(tmp_path / "whole" / "curves.parquet")
    folders = list(tmp_path.glob("killed*"))
    assert folders
    for folder in folders:
        assert_equal(whole, read_curves(folder / "curves.parquet"))
        manifest = json.loads((folder / "manifest.json").read_text())
        assert (manifest["status"], manifest["forced_resumes"]) == ("finished", [])


class TestResume:
    @pytest.mark.parametrize(
        "change",
        [
            {},
            {"optimizer": {"kind": "sgd"}, "lr": 1e-3},
            {"optimizer": {"kind": "adamw", "weight_decay": 0.1}, "accumulate": 2, "dtype": "bf16"},
            {"schedule": "wsd(decay=0.3, warmup=0.1)", "model": {"kind": "mlp", "depth": [1, 2]}},
            {"optimizer": {"kind": "muon", "timescale": 0.2}, "probes": {}},
        ],
        ids=["adam", "sgd", "adamw-bf16-parts", "wsd-depths", "muon"],
    )
    def test_equal_to_the_last_bit(self, tmp_path, change):
        ladder = parse_ladder(TABLE | change)
        interrupted(ladder, tmp_path)
        assert not (tmp_path / "curves.parquet").exists()
        assert 0 < load_checkpoint(checkpoint_of(tmp_path)).step < 125
        assert_equal(train_ladder(ladder, tmp_path, resume=True), train_ladder(ladder))

    def test_a_decoder(self, tmp_path):
        np.save(tmp_path / "t.npy", (np.arange(9000) ** 2 % 31 % 16).astype(np.uint8))
        task = {"kind": "tokens", "file": str(tmp_path / "t.npy"), "vocabulary_size": 16, "context": 8}
        changes = {"task": task | {"test_examples": 64}, "model": {"kind": "decoder", "depth": 1}, "batch_size": 8}
        ladder = parse_ladder(TABLE | changes | {"horizon": {"tokens": 1600}})
        interrupted(ladder, tmp_path / "out")
        assert_equal(train_ladder(ladder, tmp_path / "out", resume=True), train_ladder(ladder))

    def test_a_finished_run_trains_no_more(self, tmp_path, monkeypatch):
        ladder = train_ladder(TINY, tmp_path)
        monkeypatch.setattr("torch.optim.Adam.step", None)
        assert_equal(train_ladder(TINY, tmp_path, resume=True), ladder)

    def test_a_finished_run_is_left_as_it_is(self, tmp_path):
        train_ladder(TINY, tmp_path)

        def state():
            files = [p for p in tmp_path.rglob("*") if p.is_file()]
            return {p: (p.stat().st_mtime_ns, p.stat().st_ino, p.read_bytes()) for p in files}

        before = state()
        train_ladder(TINY, tmp_path, resume=True)
        assert state() == before
        (tmp_path / "curves.parquet").unlink()  # what is missing is made again
        train_ladder(TINY, tmp_path, resume=True)
        assert (tmp_path / "curves.parquet").read_bytes() == before[tmp_path / "curves.parquet"][2]

    def test_nothing_there_yet(self, tmp_path):
        assert_equal(train_ladder(TINY, tmp_path / "new", resume=True), train_ladder(TINY))

    def test_not_asked_for(self, tmp_path):
        interrupted(TINY, tmp_path)
        with pytest.raises(InputError, match=r"needs a folder without a run; got .*one \(running\). Add --resume"):
            train_ladder(TINY, tmp_path)

    @pytest.mark.usefixtures("cache")
    def test_another_ladder_or_other_data(self, tmp_path):
        (tmp_path / "a.txt").write_text("abcdefgh" * 400)
        task = {"kind": "text", "files": [str(tmp_path / "a.txt")], "context": 8, "test_examples": 64}
        changes = {"task": task, "model": {"kind": "decoder", "depth": 1}, "batch_size": 8}
        ladder = parse_ladder(TABLE | changes | {"horizon": {"tokens": 800}})
        out = tmp_path / "out"
        interrupted(ladder, out)
        with pytest.raises(InputError, match="needs the ladder that the run was started with; got another one than"):
            train_ladder(replace(ladder, lr=0.5), out, resume=True)
        (tmp_path / "a.txt").write_text("hgfedcba" * 400)
        with pytest.raises(InputError, match="needs the data that the run was started with; got another one than in"):
            train_ladder(ladder, out, resume=True)


class TestEnvironment:
    def test_another_thread_count_is_refused_or_forced_and_recorded(self, tmp_path):
        interrupted(TINY, tmp_path, threads=1)
        with pytest.raises(InputError, match=r"last bits change; got threads 2 \(was 1\). .*--force-resume"):
            train_ladder(TINY, tmp_path, resume=True, threads=2, workers=1)
        ladder = train_ladder(TINY, tmp_path, resume=True, force_resume=True, threads=2, workers=1)
        for a, b in zip(ladder, train_ladder(TINY), strict=True):
            np.testing.assert_allclose(a.loss, b.loss, rtol=1e-3)
        (forced,) = json.loads((tmp_path / "manifest.json").read_text())["forced_resumes"]
        assert (forced["was"], forced["now"]) == ({"threads": 1}, {"threads": 2})

    def test_the_recorded_thread_count_is_the_default(self, tmp_path):
        interrupted(TINY, tmp_path, threads=2)
        train_ladder(TINY, tmp_path, resume=True)
        assert json.loads((tmp_path / "manifest.json").read_text())["environment"]["threads"] == 2

    def test_another_version(self, tmp_path, monkeypatch):
        interrupted(TINY, tmp_path)
        monkeypatch.setattr(
            "scaling_collapse.empirical.trainer.machine.version", lambda name: "0.1" if name == "torch" else "2"
        )
        with pytest.raises(InputError, match=r"got torch 0.1 \(was 2\..*\), numpy 2 \(was"):
            train_ladder(TINY, tmp_path, resume=True)


class TestFiles:
    def test_damaged(self, tmp_path):
        interrupted(TINY, tmp_path)
        path = checkpoint_of(tmp_path)
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[-5] ^= 1
        for content in (b"", whole[:50], whole[:-7], bytes(flipped), b"PK\x03\x04 something else entirely"):
            path.write_bytes(content)
            with pytest.raises(InputError, match=rf"load_checkpoint needs a .*{path.name}.* Remove it to train this"):
                train_ladder(TINY, tmp_path, resume=True)
        path.unlink()
        assert_equal(train_ladder(TINY, tmp_path, resume=True), train_ladder(TINY))

    def test_every_byte_counts(self, tmp_path):
        """Of the header, too: step, names, types, shapes."""
        interrupted(TINY, tmp_path)
        path = checkpoint_of(tmp_path)
        whole = path.read_bytes()
        size = 8 + int.from_bytes(whole[:8], "little")
        places = {*range(0, size, 7), *range(size, len(whole), 997), whole.index(b"step") + 8, whole.index(b"F32") + 1}
        for at in places:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(InputError, match=rf"load_checkpoint needs a .*{path.name}"):
                load_checkpoint(path)
        for swapped in ((b"F32", b"I32"), (b"F32", b"U32")):
            path.write_bytes(whole.replace(*swapped, 1))
            with pytest.raises(InputError, match="wrong checksum"):
                load_checkpoint(path)

    def test_of_another_program(self, tmp_path):
        from safetensors.torch import save

        (tmp_path / "a.safetensors").write_bytes(save({"x": torch.zeros(3)}, {"made_by": "others"}))
        with pytest.raises(InputError, match="damaged or of another program"):
            load_checkpoint(tmp_path / "a.safetensors")

    def test_of_another_run(self, tmp_path):
        interrupted(TINY, tmp_path / "a")
        interrupted(replace(TINY, lr=0.5), tmp_path / "b")
        path = checkpoint_of(tmp_path / "a")
        path.write_bytes((tmp_path / "b" / "checkpoints" / path.name).read_bytes())
        with pytest.raises(InputError, match=rf"checkpoint of this ladder; got one of another in .*{path.name}"):
            train_ladder(TINY, tmp_path / "a", resume=True)

    def test_newer(self, tmp_path, monkeypatch):
        interrupted(TINY, tmp_path)
        path = checkpoint_of(tmp_path)
        saved = load_checkpoint(path)
        monkeypatch.setattr(checkpoints, "FORMAT", 99)
        save_checkpoint(path, saved)
        monkeypatch.undo()
        with pytest.raises(InputError, match=r"format 2; got format 99 in .*Update scaling-collapse"):
            train_ladder(TINY, tmp_path, resume=True)

    def test_a_manifest_that_is_damaged_or_newer(self, tmp_path):
        interrupted(TINY, tmp_path)
        path = tmp_path / "manifest.json"
        manifest = json.loads(path.read_text())
        path.write_text(json.dumps(manifest | {"format": 7}))
        with pytest.raises(InputError, match="a manifest of format 1 or older; got format 7"):
            train_ladder(TINY, tmp_path, resume=True)
        for content in ("{", "[]", '{"format": 1}'):
            path.write_text(content)
            with pytest.raises(InputError, match=r"a manifest of its own; got .*damaged or of another program"):
                train_ladder(TINY, tmp_path, resume=True)
        for damage in (
            {"sizes": 3},
            {"environment": None},
            {"notes": "x"},
            {"status": "done"},
            {"forced_resumes": [1]},
        ):
            path.write_text(json.dumps(manifest | damage))
            with pytest.raises(InputError, match=rf"got .*manifest.json, which is damaged .* at `{next(iter(damage))}"):
                train_ladder(TINY, tmp_path, resume=True)
        path.write_text(json.dumps(manifest | {"sizes": manifest["sizes"][:1]}))
        with pytest.raises(InputError, match=r"got .*manifest.json, which is damaged: 1 sizes, and the ladder has 2"):
            train_ladder(TINY, tmp_path, resume=True)
        path.write_text("[" * 100_000)
        with pytest.raises(InputError, match=r"got .*manifest.json, which is damaged"):
            train_ladder(TINY, tmp_path, resume=True)

    @pytest.mark.parametrize("name", ["curves.parquet", "checkpoints/w8-n1.safetensors"])
    def test_files_of_others_are_spared(self, tmp_path, name):
        mine = tmp_path / "new" / name
        mine.parent.mkdir(parents=True)
        mine.write_text("mine")
        with pytest.raises(InputError, match=rf"needs --overwrite to replace .*{mine.name}, which belongs to no run"):
            train_ladder(TINY, tmp_path / "new")
        assert mine.read_text() == "mine"
        train_ladder(TINY, tmp_path / "new", overwrite=True)
        assert mine.read_bytes() != b"mine"

    def test_the_ladder_file_is_never_replaced(self, capsys, tmp_path):
        from scaling_collapse.cli import main

        tables = "[task]\nkind = 'fourier'\n[model]\nkind = 'mlp'\ndepth = 1\n[horizon]\ntokens = 80"
        (tmp_path / "t.toml").write_text(f"widths = [4]\n{tables}")
        ladder = str(tmp_path / "t.toml")
        for words in (["--out", str(tmp_path / "new")], ["--plan"]):
            assert main(["train", ladder, *words, "--json", ladder, "--overwrite"]) == 2
            assert "train does not write onto its own input" in capsys.readouterr().err

    def test_a_full_disk_stops_the_run_and_leaves_the_last_checkpoint(self, tmp_path, monkeypatch):
        flush, calls = os.fsync, []

        def full(handle):
            calls.append(handle)
            if len(calls) > 30:
                raise OSError(errno.ENOSPC, "No space left on device")
            flush(handle)

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(InputError, match=r"cannot write .*-n1.safetensors: No space left on device"):
            train_ladder(TINY, tmp_path, workers=1, checkpoint_seconds=0.0)
        monkeypatch.undo()
        assert load_checkpoint(checkpoint_of(tmp_path)).step > 10
        assert not [p for p in tmp_path.rglob(".*") if p.name != ".lock"]
        assert_equal(train_ladder(TINY, tmp_path, resume=True), train_ladder(TINY))

    def test_two_at_once(self, tmp_path):
        with locked(tmp_path):
            with pytest.raises(InputError, match=r"needs a folder that no other training uses; got .*Wait for the"):
                train_ladder(TINY, tmp_path, resume=True)
            assert not (tmp_path / "manifest.json").exists()
        train_ladder(TINY, tmp_path)  # free again

    def test_safetensors_missing(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "safetensors.torch", None)
        with pytest.raises(InputError, match=r"needs the package safetensors; got none. .*'scaling-collapse\[train\]'"):
            train_ladder(TINY, tmp_path)
