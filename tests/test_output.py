"""What a verb writes destroys nothing, and no terminal, pipe or picture takes the answer with it."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic import law_ladder, table_of

from scaling_collapse.cli import main
from scaling_collapse.empirical import write_curves
from scaling_collapse.output import Answer, Outputs, TableOutputs

WRITES = """
import sys
from pathlib import Path
from scaling_collapse import cli
from scaling_collapse.output import Answer, Outputs

def verb(*, many: bool = False, to: Outputs = Outputs()) -> int:
    answer = Answer("verb", to)
    answer.say(*(f"line {k}" for k in range(20_000)))
    answer.show("table", ["a"], [[str(k)] for k in range(200)])
    answer.write({"a": 1}, files={"b.txt": lambda: b"b"})
    return 1

cli.app.command(verb, name="verb")
sys.exit(cli.main(["verb", *sys.argv[1:]]))
"""


def shell(tmp_path, line):
    """Exit codes of a shell's pipe, its standard output and error; WRITES stands for the verb above."""
    (tmp_path / "verb.py").write_text(WRITES)
    command = line.replace("WRITES", f"{shlex.quote(sys.executable)} verb.py")
    done = subprocess.run(
        ["bash", "-c", f"{command}; echo codes ${{PIPESTATUS[*]}} >&2"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    *errors, codes = done.stderr.splitlines()
    return codes.split()[1:], done.stdout, errors


@pytest.mark.parametrize("end", ["| head -1", "| true", ">&-", ">&- 2>&-"])
def test_a_reader_that_goes_takes_no_file_with_it_and_the_exit_code_stays(tmp_path, end):
    codes, out, errors = shell(tmp_path, f"WRITES --out all --json r.json {end}")
    assert codes[0] == "1"
    assert out in ("", "line 0\n")
    assert errors == []
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == ["b.txt", "report.json"]
    assert json.loads((tmp_path / "r.json").read_text()) == {"a": 1}


def test_a_full_disk_behind_standard_output_is_told_after_the_files_are_written(tmp_path):
    codes, _, errors = shell(tmp_path, "WRITES --out all > /dev/full")
    assert codes == ["2"]
    assert errors == ["error: cannot write to standard output: No space left on device. Send it to another place."]
    assert (tmp_path / "all" / "b.txt").read_bytes() == b"b"


def test_help_into_a_closed_pipe_is_no_error(tmp_path):
    codes, _, errors = shell(tmp_path, "WRITES --help | true")
    assert (codes, errors) == (["0", "0"], [])


def test_json_goes_through_open_handles(tmp_path):
    codes, out, errors = shell(tmp_path, "WRITES --json /dev/stdout | tail -3")
    assert (codes, errors) == (["1", "0"], [])
    assert ' "a": 1\n}\n' in out
    codes, out, errors = shell(tmp_path, "WRITES --json >(cat > copy.json) > /dev/null")
    assert (codes, errors) == (["1"], [])


HOSTILE = [
    "[red]a",
    "[/bold]",
    "\x1b[31mred\x1b]0;title\x07",
    "two\nlines",
    "\u202etxt",
    "a\\",
    ":smile:",
    "$x",
    "$a$ \\frac{",
]


def hostile_table(tmp_path):
    rows = table_of(law_ladder(sizes=3, seeds=3))
    names = dict(zip(dict.fromkeys(rows["run"]), HOSTILE, strict=True))
    rows["run"] = [names[run] for run in rows["run"]]
    pq.write_table(pa.table(rows), tmp_path / "hostile.parquet")
    return tmp_path / "hostile.parquet"


def test_names_command_no_terminal_and_break_no_verb(capsys, tmp_path):
    table = hostile_table(tmp_path)
    assert main(["measure", str(table), "--out", str(tmp_path / "all")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert not [c for c in out if (c < " " and c != "\n") or c in "\x9b\u202e"]
    bad = tmp_path / "\x1b[2J\n.parquet"
    assert main(["measure", str(bad)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "\\x1b[2J" in err
    assert "\x1b" not in err


def test_tables_show_brackets_as_they_are(capsys):
    Answer("verb", Outputs()).show("[red]", ["[b]", "c"], [["[/x]", "\x1b[0m"], [":smile:", "two\nlines"]])
    out = capsys.readouterr().out
    for text in ("[red]", "[b]", "[/x]", "\\x1b[0m", ":smile:", "two\\nlines"):
        assert text in out


def test_names_that_no_encoding_has_are_spelled_out(tmp_path, capsys):
    answer = Answer("verb", Outputs(json=str(tmp_path / "r.json")))
    answer.write({"name": "half \udc80"})
    assert json.loads((tmp_path / "r.json").read_bytes()) == {"name": "half \udc80"}
    answer.say("half \udc80")
    assert "half \\udc80" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["n" * 256, "no/n" + "n" * 300])
def test_names_that_are_too_long_are_bad_input(capsys, tmp_path, name):
    (tmp_path / "no").mkdir()
    good = write_curves(law_ladder(), tmp_path / "t.parquet")
    for words in (["measure", str(tmp_path / name)], ["measure", str(good), "--json", str(tmp_path / name)],
                  ["measure", str(good), "--out", str(tmp_path / name)]):  # fmt: skip
        assert main(words) == 2
        assert capsys.readouterr().err.startswith("error: ")


def test_a_picture_that_fails_is_a_warning_and_the_numbers_stand(capsys, tmp_path):
    def broken():
        raise ValueError("Axis limits cannot be NaN or Inf")

    to = TableOutputs(out=tmp_path / "all", json=str(tmp_path / "r.json"))
    table = lambda path: write_curves(law_ladder(), path)  # noqa: E731
    files = {"broken.png": broken, "whole.png": lambda: b"png"}
    Answer("verb", to).write({"a": 1}, files=files, table=table, table_name="t.csv")
    warned = capsys.readouterr().err
    assert warned == "warning: verb could not make broken.png: Axis limits cannot be NaN or Inf (ValueError)\n"
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == ["report.json", "t.csv", "whole.png"]


class TestInputs:
    """No output replaces an input, under whatever name, also with --overwrite."""

    @pytest.mark.parametrize("kind", ["itself", "hard link", "symbolic link", "in a folder"])
    def test_inputs_stay(self, tmp_path, kind):
        table = tmp_path / "in" / "deep" / "t.parquet"
        table.parent.mkdir(parents=True)
        table.write_text("mine")
        other = tmp_path / "other.json"
        if kind == "hard link":
            other.hardlink_to(table)
        elif kind == "symbolic link":
            other.symlink_to(table)
        else:
            other = table
        source = tmp_path / "in" if kind == "in a folder" else table
        with pytest.raises(ValueError, match="verb does not write onto its own input"):
            Answer("verb", Outputs(json=str(other), overwrite=True), inputs=[source])

    def test_examples_stay(self):
        from scaling_collapse import examples

        with pytest.raises(ValueError, match="verb does not write onto its own input"):
            Answer("verb", Outputs(json=str(examples.path("mlp")), overwrite=True), inputs=[Path("example:mlp")])

    def test_two_outputs_under_one_name(self, tmp_path):
        to = TableOutputs(json=str(tmp_path / "a.csv"), table=tmp_path / "." / "a.csv")
        with pytest.raises(ValueError, match=r"verb needs a file for each output; got .*a.csv for several"):
            Answer("verb", to)
        with pytest.raises(ValueError, match=r"a file for each output; got .*law.png for several"):
            Answer("verb", Outputs(out=tmp_path, json=str(tmp_path / "law.png")), files=["law.png"])

    def test_a_folder_is_no_file(self, tmp_path):
        with pytest.raises(ValueError, match=r"cannot write .*: it is a folder"):
            Answer("verb", Outputs(json=str(tmp_path)))

    def test_simulate_and_demo_spare_curves_of_others(self, capsys, tmp_path):
        (tmp_path / "curves.parquet").write_text("mine")
        small = ["--sizes", "8", "--alpha", "1", "--beta", "0.25"]
        for words in (["simulate", *small], ["demo"]):
            assert main([*words, "--out", str(tmp_path)]) == 2
            assert "needs --overwrite to replace" in capsys.readouterr().err
        assert (tmp_path / "curves.parquet").read_text() == "mine"


def test_a_device_stays_one(tmp_path):
    before = os.stat(os.devnull).st_rdev
    codes, _, errors = shell(tmp_path, "WRITES --json /dev/null > /dev/null")
    assert (codes, errors) == (["1"], [])
    assert os.stat(os.devnull).st_rdev == before
