"""Text as bytes, and the token file that is made of it once."""

import hashlib
import json

import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer.tasks.text import TextTask, standard_library

pytestmark = pytest.mark.usefixtures("cache")


class TestText:
    def test_given_files(self, tmp_path, cache):
        texts = {"a.txt": b"aaaa" * 9, "b.txt": b"bb" * 9, "c.txt": bytes(range(256))}
        for name, text in texts.items():
            (tmp_path / name).write_bytes(text)
        task = TextTask(files=tuple(tmp_path / n for n in texts), context=8, test_examples=1)
        ordered = sorted(texts, key=lambda n: hashlib.sha256(n.encode()).digest())
        joined = b"\0".join(texts[n] for n in ordered)
        assert task.tokens.tobytes() == joined
        assert task.describe()["sha256"] == hashlib.sha256(joined).hexdigest()
        assert task.describe()["files"] == ["a.txt", "b.txt", "c.txt"]
        assert json.loads(json.dumps(task.describe()))["joined_files"] == 3
        (made,) = cache.glob("*.tokens")
        first = made.stat().st_mtime_ns
        assert TextTask(files=task.files, context=4, test_examples=1).tokens.tobytes() == joined
        assert made.stat().st_mtime_ns == first
        (tmp_path / "b.txt").write_bytes(b"changed")
        assert b"changed" in TextTask(files=task.files, context=8, test_examples=1).tokens.tobytes()

    def test_a_file_cut_short_is_made_again(self, tmp_path, cache):
        (tmp_path / "a.txt").write_bytes(b"0123456789" * 9)
        options = {"files": (tmp_path / "a.txt",), "context": 8, "test_examples": 1}
        assert len(TextTask(**options).tokens) == 90
        (made,) = cache.glob("*.tokens")
        made.write_bytes(b"012")
        assert len(TextTask(**options).tokens) == 90
        assert not [p for p in cache.iterdir() if p.name.startswith(".")]

    def test_the_standard_library(self):
        task = TextTask(context=128)
        files = standard_library()
        assert 8e6 < len(task.tokens) < 2e7
        assert not [name for name in files if "site-packages" in name or "/tests/" in name or name.startswith("test/")]
        assert task.describe()["source"].startswith("standard library of Python 3.")
        x = task.batch(0, 64).inputs
        assert ((x > 0) & (x < 128)).mean() > 0.97
        # The horizon must fit one pass.
        with pytest.raises(InputError, match="TextTask needs every example to be seen once"):
            task.batch(task.train_examples, 1)

    def test_empty_and_missing(self, tmp_path):
        (tmp_path / "a.txt").write_bytes(b"")
        with pytest.raises(InputError, match="TextTask needs files with text; got empty ones"):
            TextTask(files=(tmp_path / "a.txt",)).batch(0, 1)
        with pytest.raises(InputError, match=r"TextTask needs files that exist; got .*b.txt"):
            TextTask(files=(tmp_path / "b.txt",)).batch(0, 1)
        (tmp_path / "f").write_text("")
        (tmp_path / "c.txt").write_text("some text" * 9)
        with pytest.raises(InputError, match="cannot make the folder"):
            TextTask(files=(tmp_path / "c.txt",), cache=tmp_path / "f").batch(0, 1)
