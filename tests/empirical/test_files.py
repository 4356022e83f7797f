import os
import signal
import stat
import subprocess
import sys
import time

import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical import read_curves, write_curves
from scaling_collapse.empirical.tables.column_seal import sealed, unsealed
from scaling_collapse.empirical.tables.files import UNFINISHED, ensure_folder, write_atomically


def test_the_new_content_replaces_the_old_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "f"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_failed_write_keeps_the_old_content(tmp_path, monkeypatch):
    path = write_atomically(tmp_path / "f", b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot write .*f: No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_in_the_middle_of_writing_leaves_a_whole_file(tmp_path):
    path = tmp_path / "f"
    code = (
        "from scaling_collapse.empirical.tables.files import write_atomically\n"
        f"path = {str(path)!r}\n"
        "while True:\n write_atomically(path, b'x' * 3_000_000); write_atomically(path, b'y' * 3_000_000)"
    )
    for delay in (0.0, 0.01, 0.023):
        write_atomically(path, b"old")
        process = subprocess.Popen([sys.executable, "-c", code])
        while path.stat().st_size == len(b"old") and process.poll() is None:
            time.sleep(0.001)  # start-up takes as long as it takes: the kill must fall into the writing
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert path.read_bytes() in (b"x" * 3_000_000, b"y" * 3_000_000)


def test_a_folder_in_the_way_is_named(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(InputError, match="cannot make the folder"):
        ensure_folder(tmp_path / "f")


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    path = tmp_path / "f"
    code = (
        "import os, signal, sys\n"
        "from scaling_collapse.empirical.tables.files import whole_file\n"
        "with whole_file(sys.argv[1]) as file:\n"
        " file.write(b'half'); file.flush(); print('writing', flush=True); sys.stdin.read()"
    )

    def writer():
        process = subprocess.Popen(
            [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "writing\n"
        return process

    dead, living = writer(), writer()
    assert len(list(tmp_path.glob(f".*{UNFINISHED}"))) == 2
    dead.kill()
    dead.communicate()
    other = tmp_path / f".other{UNFINISHED}"
    other.write_text("somebody's")
    write_atomically(path, b"whole")
    assert len(list(tmp_path.glob(f".*{UNFINISHED}"))) == 2  # the living one's, and somebody's
    living.communicate("")
    assert living.returncode == 0
    assert path.read_bytes() == b"half"
    assert sorted(tmp_path.iterdir()) == sorted([other, path])


def test_a_name_as_long_as_names_may_be_is_written(tmp_path):
    path = tmp_path / ("n" * 255)
    write_atomically(path, b"1")
    write_atomically(path, b"2")
    assert path.read_bytes() == b"2"
    with pytest.raises(InputError, match="File name too long"):
        write_atomically(tmp_path / ("n" * 256), b"")


def test_owner_and_mode_stay(tmp_path):
    path = write_atomically(tmp_path / "f", b"old")
    path.chmod(0o2640)
    if os.getuid() == 0:
        os.chown(path, 12345, 54321)
    before = path.stat()
    write_atomically(path, b"new")
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


def test_pipes_and_open_handles_are_written_to(tmp_path, monkeypatch):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE)
    write_atomically(fifo, b"through")
    assert reader.communicate()[0] == b"through"
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    with (tmp_path / "redirected").open("wb") as file:
        file.write(b"before ")
        file.flush()
        write_atomically(f"/dev/fd/{file.fileno()}", b"through ")
        file.write(b"after")
    assert (tmp_path / "redirected").read_bytes() == b"before through after"


def test_names_that_a_spreadsheet_would_run_are_quoted(tmp_path):
    import pyarrow as pa

    names = ["=1+1", "+1", "-1", "@sum", "\tx", "'=1", "it's", "'"]
    rows = {"run": [name for name in names for _ in range(2)], "params": [1] * 16, "tokens": [1, 2] * 8}
    table = rows | {"loss": [float(40 - k) for k in range(16)]}
    path = write_curves(read_curves(pa.table(table)), tmp_path / "t.csv")
    cells = [line.split(",")[0].strip('"') for line in path.read_text().splitlines()[1:]]
    assert len(cells) == 16
    assert not [cell for cell in cells if cell[0] in "=+-@\t\r"]


def test_no_changed_byte_of_a_parquet_file_passes_in_silence(tmp_path):
    """Checksums of the pages, and the seal on the columns: what reads with both reads the same, or nothing."""
    import io
    import random

    import pyarrow.parquet as pq

    n = 200
    table = {"run": ["a"] * n, "params": [1] * n, "tokens": range(n), "loss": [n - k / 3 for k in range(n)]}
    whole = write_curves(read_curves(table), tmp_path / "t.parquet").read_bytes()

    def read(content):
        found = pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True).read()
        found.validate(full=True)
        table, same = unsealed(found)
        if not same:
            raise InputError("columns changed")
        return table

    wanted, rng, refused = read(whole), random.Random(0), 0
    for _ in range(600):
        at, bit = rng.randrange(len(whole)), 1 << rng.randrange(8)
        try:
            assert read(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :]).equals(wanted)
        except (InputError, OSError, ValueError, RuntimeError, MemoryError):
            refused += 1
    assert refused > 300
    other = wanted.rename_columns(["sun", *wanted.column_names[1:]])
    other = other.replace_schema_metadata(sealed(wanted).schema.metadata)
    assert not unsealed(other)[1]
    pq.write_table(other.append_column("more", other["loss"]), tmp_path / "more.parquet")
    (noted,) = read_curves(tmp_path / "more.parquet", mapping={"columns": {"run": "sun"}}).integrity.of_kind(
        "columns changed"
    )
    assert "changed since, or damaged" in noted.detail
