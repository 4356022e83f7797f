import os
import signal
import subprocess
import sys
import time

import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.tables.files import ensure_folder, write_atomically


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
