"""The tasks by the names that ladder files use."""

from pathlib import Path

import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer.tasks import TASKS, make_task


class TestMakeTask:
    def test_every_kind_is_there(self):
        assert set(TASKS) == {"fourier", "chess", "cifar5m", "text", "tokens"}
        assert make_task("text", {"context": 64}).example_tokens == 64
        assert make_task("tokens", {"file": "x.npy", "vocabulary_size": 9}).vocabulary == 9
        assert make_task("chess", {"files": ["a.pgn"]}).vocabulary == 64
        assert make_task("cifar5m").example_tokens == 1024
        assert make_task("fourier", {"dimensions": 2, "modes": 9}).vocabulary is None

    def test_every_kind_has_its_row_on_the_page(self):
        page = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "ladder-files.md").read_text()
        assert [kind for kind in TASKS if f"| `{kind}` |" not in page] == []

    @pytest.mark.parametrize(
        ("kind", "options", "message"),
        [
            ("fourrier", {}, "needs a task of fourier, chess, cifar5m, text, tokens; got 'fourrier'"),
            ("text", {"contxt": 1}, "TextTask needs options of context, .*; got 'contxt'"),
            ("text", {"context": "long"}, "TextTask needs a valid `context`; got 'long'"),
            ("text", {"context": 1}, "TextTask needs `context` >= 2; got 1"),
            ("tokens", {"file": "x.npy"}, "TokenFileTask needs a valid `vocabulary_size`"),
        ],
    )
    def test_bad_options(self, kind, options, message):
        with pytest.raises(InputError, match=message):
            make_task(kind, options)
