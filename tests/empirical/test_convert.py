"""From a log to a table and a verdict: what is said of a log, what a dry run says back, the words of the command."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_collapse import InputError, measure_collapse, read_curves
from scaling_collapse.cli import main
from scaling_collapse.empirical.tables.column_expression import column_value
from scaling_collapse.empirical.tables.log_mapping import LogMapping

SIZES = {"small": 1e6, "medium": 4e6, "large": 16e6}


@pytest.fixture
def logs(tmp_path):
    """A folder of CSV logs that say neither sizes nor tokens; runs end at 20 tokens a parameter."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, p in SIZES.items():
        for seed in (0, 1):
            steps = np.linspace(0.02, 1, 50) * 20 * p / 500
            loss = 2 + (p**-0.3 * 60) * ((steps / steps[-1]) ** -0.5 + 1) / 2 * (1 + 1e-3 * seed)
            lines = [f"{s},{v + 1},{v},{seed}" for s, v in zip(steps, loss, strict=True)]
            (folder / f"{name}-{seed}.csv").write_text("\n".join(["iteration,train_loss,val_loss,seed", *lines]) + "\n")
    return folder


SAID = ["--params", "small*=1M", "--params", "medium*=4_000_000", "--params", "large*=16M", "--batch-tokens", "500"]


def test_from_logs_to_a_verdict_in_two_commands(logs, tmp_path, capsys):
    table = tmp_path / "t.parquet"
    assert main(["convert", str(logs), *SAID, "--table", str(table)]) == 0
    out = capsys.readouterr().out
    assert "Ladder: 3 sizes, 6 runs, 300 points, counted in tokens" in out
    assert "noted: which loss: loss: of evaluation" in out
    assert main(["measure", str(table), "--offset", "2"]) == 0
    assert "Verdict: supercollapse" in capsys.readouterr().out
    ladder = read_curves(table)
    assert ladder.sizes == (1e6, 4e6, 16e6)
    assert [c.horizon_tokens for c in ladder] == pytest.approx([20 * p for p in SIZES.values() for _ in (0, 1)])


def test_the_same_in_python_and_from_a_mapping_file(logs, tmp_path):
    said = {"params": {f"{n}*": p for n, p in SIZES.items()}, "columns": {"tokens": "iteration * 500"}}
    path = tmp_path / "mapping.toml"
    path.write_text(
        '[columns]\ntokens = "iteration * 500"\n[params]\n"small*" = "1M"\n"medium*" = 4_000_000\n"large*" = "16M"\n'
    )
    for mapping in (said, path, LogMapping.of(said)):
        ladder = read_curves(logs, mapping=mapping)
        assert ladder.curves[0].clock == "tokens"
        assert ladder.curves[0].tokens[-1] == pytest.approx(20e6)
    assert str(measure_collapse(ladder, offset=2.0).verdict) == "supercollapse"


def test_a_dry_run_says_what_would_mend_it(logs, tmp_path, capsys):
    assert main(["convert", str(logs), "--dry-run", "--json", str(tmp_path / "r.json")]) == 0
    out = capsys.readouterr().out
    assert "missing" in out
    assert "loss is val_loss" in out
    lines = json.loads((tmp_path / "r.json").read_text())["mapping"]
    assert lines == [
        "[columns]",
        'tokens = "step * 524288"  # tokens that one step sees; without, nothing is said of compute',
        "[params]", '"large*" = "125M"', '"medium*" = "125M"', '"small*" = "125M"',
    ]  # fmt: skip
    mended = "\n".join(lines).replace("step *", "iteration *").replace('"large*" = "125M"', '"large*" = "16M"')
    (tmp_path / "mapping.toml").write_text(mended)
    capsys.readouterr()
    assert main(["convert", str(logs), "--mapping", str(tmp_path / "mapping.toml"), "--dry-run"]) == 0
    assert "Nothing is missing" in capsys.readouterr().out


def test_what_is_missing_is_said_with_the_command_that_gives_it(logs, capsys):
    assert main(["measure", str(logs)]) == 2
    err = capsys.readouterr().err
    assert "read_curves needs params of every run; got iteration, train_loss, val_loss, seed in" in err
    assert "scaling-collapse convert" in err
    assert "--params 'NAME=125M' --table T.parquet" in err


def test_one_loss_for_all_runs(logs):
    said = {"params": {"*": 1e6}, "batch_tokens": 500}
    other = (logs / "small-0.csv").read_text().replace("val_loss", "validation_accuracy")
    (logs / "small-0.csv").write_text(other)
    ladder = read_curves(logs, mapping=said)
    assert {f.detail for f in ladder.integrity.of_kind("loss taken")} == {"loss is train_loss"}
    assert [f.detail for f in ladder.integrity.of_kind("which loss")] == ["of training: no log has one of evaluation"]


def test_several_losses_are_not_chosen_from():
    table = {
        "run": ["a"] * 3,
        "step": [1, 2, 3],
        "eval/c4_loss": [3.0, 2, 1],
        "eval/pile_loss": [3.0, 2, 2],
        "params": [9] * 3,
    }
    with pytest.raises(InputError, match=r"needs one loss; got eval/c4_loss, eval/pile_loss in frame. Choose one"):
        read_curves(table)
    chosen = read_curves(table, mapping={"columns": {"loss": "[eval/c4_loss]"}})
    assert chosen.curves[0].loss.tolist() == [3, 2, 1]


def test_perplexity_by_name_and_its_logarithm():
    table = {"run": ["a"] * 3, "step": [1, 2, 3], "val_ppl": [20.0, 10, 5], "params": [9] * 3}
    ladder = read_curves(table, mapping={"columns": {"loss": "val_ppl"}})
    assert "perplexity, by its name" in ladder.integrity.of_kind("unit of loss")[0].detail
    ladder = read_curves(table, mapping={"columns": {"loss": "log([val_ppl])"}})
    np.testing.assert_allclose(ladder.curves[0].loss, np.log([20, 10, 5]))
    assert not ladder.integrity.of_kind("unit of loss")


def test_a_curve_table_with_a_mapping_keeps_its_other_columns():
    table = {"run": ["a"] * 2, "params": [9] * 2, "step": [1, 2], "loss": [2.0, 1], "width": [4, 4], "other": [7.0, 8]}
    (curve,) = read_curves(table, mapping={"columns": {"loss": "other - 1"}})
    assert curve.loss.tolist() == [6, 7]
    assert curve.extra["width"] == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--map", "loss"], "--map needs NAME=VALUE; got 'loss'. Write, for example, --map loss=val_loss"),
        (["--map", "los=val_loss"], "--map needs a column of batch_size, compute,"),
        (["--map", "loss=val_los"], "--map loss needs a column or setting of the log; got 'val_los'"),
        (["--map", "loss=val_loss +"], "--map loss needs names, numbers"),
        (["--params", "small=big"], "params of 'small' needs a positive number such as 125M"),
        (["--params", "small=0"], "params of 'small' needs a positive number such as 125M"),
        (["--mapping", "none.toml"], "--mapping cannot read none.toml"),
        ([], "convert needs --table"),
    ],
)
def test_options_that_are_wrong(logs, tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    table = ["--table", "t.csv"] if arguments else []
    assert main(["convert", str(logs), *arguments, *table]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[column]\n", "a mapping needs the keys .*; got 'column'"),
        ("columns = 3\n", "needs 'columns' to be a table of names; got 3"),
        ("params_from_config = 3\n", "needs text as 'params_from_config'; got 3"),
        ("batch_tokens = 'x'\n", "batch_tokens needs a positive number"),
        ("[", "--mapping needs a TOML file"),
        ("a" + ".a" * 20000 + " = 1\n", "needs a TOML file; got .*too long"),
    ],
)
def test_mapping_files_that_are_wrong(tmp_path, content, words):
    path = tmp_path / "m.toml"
    path.write_text(content)
    with pytest.raises(InputError, match=words):
        LogMapping.of(path)


def test_the_last_common_point_as_an_option(tmp_path, capsys):
    rows = {
        "run": ["a"] * 26,
        "params": [10] * 26,
        "tokens": np.arange(26.0),
        "loss": [3 - i / 20 if i < 25 else None for i in range(26)],
    }
    pq.write_table(pa.table(rows), tmp_path / "t.parquet")
    table = tmp_path / "out.csv"
    assert main(["convert", str(tmp_path / "t.parquet"), "--table", str(table)]) == 2
    assert "convert SOURCE --common-end" in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "t.parquet"), "--common-end", "--table", str(table)]) == 0
    assert read_curves(table).curves[0].horizon_tokens == 24


NAMES = {"step": np.array([1.0, 2.0]), "val/ppl": np.array([np.e, np.e**2])}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("step*524288", [524288, 1048576]),
        ("step * 0.5M", [5e5, 1e6]),
        ("-step ** 2 + 1", [0, -3]),
        ("2 ** 3 ** 0", 2),
        ("8 / 4 / 2", 1),
        ("8 - 4 - 2", 2),
        ("(1 + 2) * step", [3, 6]),
        ("log([val/ppl])", [1, 2]),
        ("1_000 * 1e-3", 1),
        ("sqrt(16) + log2(8) * exp(0)", 7),
        ("1 / 0", np.inf),
    ],
)
def test_expressions(text, value):
    np.testing.assert_allclose(column_value(text, NAMES.__getitem__), value)


@given(st.text(alphabet="step[]()*/+-.0123456789eM_log ", max_size=40))
def test_any_expression_ends_in_a_value_or_a_sentence(text):
    def lookup(name):
        if name not in NAMES:
            raise InputError(f"no {name}")
        return NAMES[name]

    try:
        value = column_value(text, lookup)
    except InputError as error:
        value = str(error)
    assert isinstance(value, str | float | np.ndarray)


@pytest.mark.parametrize("text", ["(" * 10_000, "2**" * 10_000 + "2", "__import__('os')", "step.x", "", "a b"])
def test_expressions_that_are_none(text):
    def lookup(name):
        raise InputError(f"--map needs a column; got {name}")

    with pytest.raises(InputError, match="--map"):
        column_value(text, lookup)
