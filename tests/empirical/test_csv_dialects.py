"""CSV as people have it reads as the plain table does."""

import bz2
import gzip
import io

import numpy as np
import pyarrow as pa
import pytest

from scaling_collapse import InputError, read_curves

ROWS = [
    ("small 0", 1_000_000, 0, 100.5, 4.25), ("small 0", 1_000_000, 0, 200.0, 3.5),
    ("big", 4_000_000, 1, 100.0, 4.0), ("big", 4_000_000, 1, 200.0, 3.0),
]  # fmt: skip
NAMES = ("run", "params", "seed", "tokens", "loss")
PLAIN = "\n".join(",".join(map(str, row)) for row in (NAMES, *ROWS)) + "\n"


def lines(delimiter, decimal=".", quote=""):
    rows = [NAMES, *ROWS]
    return (
        "\n".join(delimiter.join(f"{quote}{str(c).replace('.', decimal)}{quote}" for c in row) for row in rows) + "\n"
    )


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        lines(";").encode(),
        lines(";", ",").encode(),
        lines("\t").encode(),
        lines("\t", ",").encode(),
        lines("|").encode(),
        lines(", ").encode(),
        lines("; ", ",").encode(),
        lines(",", quote='"').encode(),
        lines(", ", quote='"').encode(),
        lines(";", ",", quote='"').encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        lines(";", ",").encode("utf-16"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.encode().rstrip(b"\n"),
        gzip.compress(PLAIN.encode(), mtime=0),
        bz2.compress(PLAIN.encode()),
        gzip.compress(lines(";", ",").encode("utf-16"), mtime=0),
        PLAIN.replace("1000000", "1M").replace("4000000", "4_000_000").encode(),
        PLAIN.replace("4000000", '"4,000,000"').encode(),
    ],
)
@pytest.mark.parametrize("name", ["t.csv", "t.data"])
def test_dialects(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    ladder = read_curves(path)
    found = [(c.run, c.params, c.seed, t, v) for c in ladder for t, v in zip(c.tokens, c.loss, strict=True)]
    assert found == list(ROWS)


def test_compressed_lines(tmp_path):
    (tmp_path / "t.csv.zst").write_bytes(pa.Codec("zstd").compress(PLAIN.encode(), asbytes=True))
    assert len(read_curves(tmp_path / "t.csv.zst")) == 2
    lines = "".join(f'{{"run": "a", "params": 10, "step": {i}, "loss": {4 - i}}}\n' for i in (1, 2))
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    assert read_curves(tmp_path / "t.jsonl.gz").curves[0].loss.tolist() == [3, 2]


def test_json_lines_with_nan_as_text(tmp_path):
    path = tmp_path / "t.jsonl"
    rows = ['"NaN"', "3.5", '"Infinity"', "NaN", "2.5", '"2.25"']
    path.write_text(
        "".join(f'{{"run": "a", "params": "1M", "step": {i}, "loss": {v}}}\n' for i, v in enumerate(rows)).replace(
            '"1M"', "1e6"
        )
    )
    (curve,) = read_curves(path)
    assert curve.loss.tolist() == [3.5, 2.5, 2.25]
    assert curve.tokens.tolist() == [1, 4, 5]


def test_standard_input(monkeypatch, tmp_path, capsys):
    class Stream:
        buffer = io.BytesIO(PLAIN.encode())

    monkeypatch.setattr("sys.stdin", Stream())
    from scaling_collapse.cli import main

    assert main(["convert", "-", "--table", str(tmp_path / "t.parquet")]) == 0
    assert "Ladder: 2 sizes, 2 runs, 4 points" in capsys.readouterr().out
    assert len(read_curves(tmp_path / "t.parquet")) == 2


def test_a_file_that_unpacks_to_garbage_is_refused(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(PLAIN.encode())[:-12])
    with pytest.raises(InputError, match=r"read_curves .*t.csv.gz"):
        read_curves(path)


def test_wide_numbers_stay_exact(tmp_path):
    path = tmp_path / "t.csv"
    loss = [2.1234567890123456, 1.1 + 1e-15]
    rows = "".join(f"a; 10; {i}; {v}\n".replace(".", ",") for i, v in enumerate(loss))
    path.write_text(f"run; params; tokens; loss\n{rows}")
    np.testing.assert_array_equal(read_curves(path).curves[0].loss, loss)
