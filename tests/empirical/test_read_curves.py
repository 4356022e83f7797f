import json
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import law_ladder, table_of

from scaling_collapse import InputError
from scaling_collapse.common import Registry
from scaling_collapse.empirical import curve_table, read_curves, write_curves
from scaling_collapse.empirical.tables import find_logs, readers
from scaling_collapse.empirical.tables.log import Log

COLUMNS = {
    "run": ["a"] * 4 + ["b"] * 4,
    "params": [10] * 4 + [20] * 4,
    "tokens": [1.0, 2.0, 3.0, 4.0] * 2,
    "loss": [4.0, 3.0, 2.5, 2.2, 3.5, 2.5, 2.0, 1.8],
}


def table(**changes):
    return {k: v for k, v in (COLUMNS | changes).items() if v is not None}


def kinds(ladder):
    return sorted({(f.kind, f.action) for f in ladder.integrity.findings} - {("missing horizon", "noted")})


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
def test_files_of_every_kind_read_back_what_was_written(tmp_path, ending):
    ladder = law_ladder(sizes=3, seeds=2, points=10)
    again = read_curves(write_curves(ladder, tmp_path / f"t{ending}"))
    assert again.integrity.findings == ()
    for one, two in zip(ladder, again, strict=True):
        assert (one.run, one.params, one.seed, one.horizon_tokens) == (
            two.run,
            two.params,
            two.seed,
            two.horizon_tokens,
        )
        np.testing.assert_array_equal(one.loss, two.loss)
        np.testing.assert_array_equal(one.tokens, two.tokens)


def test_frames_of_every_kind(optional):
    for make in (optional("pandas").DataFrame, optional("polars").DataFrame, pa.table, dict):
        ladder = read_curves(make(COLUMNS))
        assert len(ladder) == 2
        np.testing.assert_array_equal(ladder.curves[1].loss, COLUMNS["loss"][4:])


def test_a_folder_reads_all_tables_in_it_and_notes_the_rest(tmp_path):
    ladder = law_ladder(sizes=2, seeds=1, points=5)
    for i, curve in enumerate(ladder):
        write_curves(ladder.select(lambda c, name=curve.run: c.run == name), tmp_path / f"{i}.csv")
    (tmp_path / "notes.txt").write_text("hello")
    both = read_curves(tmp_path)
    assert len(both) == 2
    assert ("other file", "noted") in kinds(both)


def test_runs_of_one_name_in_two_files_stay_apart(tmp_path):
    for i in (1, 2):
        pq.write_table(pa.table(table(loss=[v + i for v in COLUMNS["loss"]])), tmp_path / f"{i}.parquet")
    ladder = read_curves([tmp_path / "1.parquet", tmp_path / "2.parquet"])
    assert len(ladder) == 4
    assert len(ladder.integrity.of_kind("same name")) == 4


def test_extra_columns_are_carried_along():
    ladder = read_curves(table(optimizer=["adam"] * 8, grad_norm=np.arange(8.0), width=[4] * 4 + [8] * 4))
    assert ladder.curves[0].extra["optimizer"] == "adam"
    assert ladder.curves[1].extra["width"] == 8
    np.testing.assert_array_equal(ladder.curves[1].extra["grad_norm"], [4, 5, 6, 7])


def test_steps_become_tokens_where_the_batch_is_known():
    steps = table(tokens=None, step=COLUMNS["tokens"])
    assert read_curves(steps).curves[0].clock == "steps"
    ladder = read_curves(steps | {"batch_size": [32] * 8, "sequence_length": [10] * 8})
    assert ladder.curves[0].clock == "tokens"
    assert ladder.curves[0].tokens[-1] == 4 * 320


def test_horizons():
    assert read_curves(table(horizon_tokens=[3.0] * 8)).curves[0].horizon_loss == 2.5
    both = table(horizon_tokens=[4.0] * 8, optimal_compute=[6 * 10 * 2.0] * 4 + [6 * 20 * 3.0] * 4)
    assert [c.horizon_tokens for c in read_curves(both)] == [2, 3]
    assert [c.horizon_tokens for c in read_curves(both, use_horizon=False)] == [4, 4]


def test_a_log_that_ends_one_step_before_the_horizon_is_complete():
    t = np.linspace(0, 1, 201)[:-1]
    one = {"run": ["a"] * 200, "params": [10] * 200, "tokens": t, "loss": 2 - t, "horizon_tokens": [1.0] * 200}
    assert read_curves(one).curves[0].horizon_tokens == t[-1]


def test_runs_that_stopped_early_are_dropped_by_name():
    ladder = read_curves(table(horizon_tokens=[8.0] * 4 + [4.0] * 4))
    assert [c.run for c in ladder] == ["b"]
    (finding,) = ladder.integrity.of_kind("stopped early")
    assert finding.subject == "a"
    assert "50.0%" in finding.detail


@pytest.mark.parametrize(
    ("step", "end", "used"),
    [
        (0.005, 0.995, True),  # one step before the horizon
        (0.005, 0.990, False),  # within 1 % of it, but two steps before
        (0.1, 0.9, False),  # one step before it, but that is 10 %
    ],
)
def test_a_log_may_end_one_step_and_one_percent_before_the_horizon(step, end, used):
    t = np.linspace(0, end, round(end / step) + 1)
    one = {"run": ["a"] * t.size, "params": [10] * t.size, "tokens": t, "loss": 2 - t}
    whole = {"run": ["b"] * 4, "params": [20] * 4, "tokens": [0.25, 0.5, 0.75, 1.0], "loss": [4.0, 3.0, 2.5, 2.2]}
    columns = {k: [*one[k], *whole[k]] for k in one}
    ladder = read_curves(columns | {"horizon_tokens": [1.0] * (t.size + 4)})
    assert ("a" in {c.run for c in ladder}) == used
    assert len(ladder.integrity.of_kind("stopped early")) == (not used)


def test_nan_and_infinite_losses_are_dropped_and_a_diverged_end_ends_the_run():
    ladder = read_curves(table(loss=[4.0, np.nan, 2.5, 2.2, 3.5, 2.5, np.nan, np.inf]))
    assert [c.run for c in ladder] == ["a"]  # b never gets to its last logged token with a loss
    assert ladder.curves[0].tokens.tolist() == [1, 3, 4]
    assert [f.count for f in ladder.integrity.of_kind("non-finite loss")] == [1, 2]


def test_steps_out_of_order_are_sorted_and_reported():
    order = [2, 0, 3, 1]
    shuffled = table(
        tokens=[COLUMNS["tokens"][i] for i in order] + COLUMNS["tokens"][4:],
        loss=[COLUMNS["loss"][i] for i in order] + COLUMNS["loss"][4:],
    )
    ladder = read_curves(shuffled)
    np.testing.assert_array_equal(ladder.curves[0].loss, COLUMNS["loss"][:4])
    assert ("steps out of order", "repaired") in kinds(ladder)


def test_a_restart_overwrites_what_it_repeats():
    tokens, loss = [1.0, 2.0, 3.0, 2.0, 3.0, 4.0], [4.0, 3.0, 9.0, 2.9, 2.5, 2.2]
    ladder = read_curves({"run": ["a"] * 6, "params": [10] * 6, "tokens": tokens, "loss": loss})
    assert ladder.curves[0].loss.tolist() == [4.0, 2.9, 2.5, 2.2]
    assert ("restart", "merged") in kinds(ladder)


def test_duplicate_runs_are_dropped_whatever_they_are_called():
    twice = {k: v + v[4:] for k, v in (COLUMNS | {"seed": [0] * 4 + [1] * 4}).items()}
    twice["run"][8:] = ["copy of b"] * 4
    ladder = read_curves(twice)
    assert [c.run for c in ladder] == ["a", "b"]
    (finding,) = ladder.integrity.of_kind("duplicate run")
    assert finding.subject == "copy of b"
    assert "run 'b'" in finding.detail


def test_where_keeps_the_rows_that_match():
    mixed = table(schedule=["linear"] * 4 + ["cosine"] * 4)
    assert [c.run for c in read_curves(mixed, where={"schedule": "cosine"})] == ["b"]
    assert [c.run for c in read_curves(mixed, where={"params": "10"})] == ["a"]
    with pytest.raises(InputError, match="rows with schedule=wsd; got none"):
        read_curves(mixed, where={"schedule": "wsd"})
    with pytest.raises(InputError, match="needs a column of the table; got 'shedule'"):
        read_curves(mixed, where={"shedule": "wsd"})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (table(loss=None), r"columns run, params, loss and one of tokens, step; got run, params, tokens"),
        (table(tokens=None), r"Add or rename tokens \(or step\)"),
        ({k: [] for k in COLUMNS}, r"at least one row; got an empty table"),
        (table(tokens=[-1.0, 2, 3, 4] * 2), r"`tokens` >= 0; got -1 at row 1 of frame \(run 'a'\)"),
        (table(loss=[np.nan] * 8), r"at least one usable run; got none of 2 .*no finite loss"),
        (table(loss=[np.inf] * 8), r"at least one usable run; got none of 2 .*no finite loss"),
        (table(params=[10] * 3 + [11] + [20] * 4), r"one value of 'params' per run; got 10 and 11 in run 'a'"),
        (table(params=[0] * 8), r"positive `params` for every run; got 0"),
        (table(run=["a", "b", "c", "d", "e", "f", "g", "h"]), r"one point: the whole run: a curve needs at least 2"),
        (table(loss=["1", "2", "x", "4"] * 2), r"number in every cell of column 'loss'; got 'x' in row 3 of frame"),
        (table(run=["a", None, "a", "a"] + ["b"] * 4), r"a `run` in every row; got none in row 2"),
        (table(schedule=["linear", "cosine"] * 4), r"one `schedule` per run; got cosine, linear in run 'a'"),
        (5, r"a path, a list of paths or a frame .*; got int"),
        ([], r"at least one table; got none"),
    ],
)
def test_bad_tables_are_refused_in_one_sentence(columns, message):
    with pytest.raises(InputError, match=message):
        read_curves(columns)


def test_a_bad_cell_in_a_million_rows_is_named(tmp_path):
    n = 1_000_000
    path = tmp_path / "big.csv"
    with path.open("w") as file:
        file.write("run,params,tokens,loss\n")
        for i in range(n):
            loss = "oops" if i == 654_320 else "2.5"
            file.write(f"r{i // 1000},10,{i % 1000 + 1},{loss}\n")
    with pytest.raises(InputError, match=r"column 'loss'; got 'oops' in row 654321 of .*big.csv"):
        read_curves(path)


def test_broken_files_are_refused(tmp_path):
    good = tmp_path / "good.parquet"
    pq.write_table(pa.table(COLUMNS), good)
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(good.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"cannot read .*bad.parquet as parquet"):
        read_curves(bad)
    for name, content, message in [
        ("empty.csv", "", "got the empty file"),
        ("empty.jsonl", "", "got the empty file"),
        ("half.jsonl", json.dumps({"run": "a"}) + '\n{"run": "a", "par', "in line 2 of"),
        ("list.jsonl", "[1, 2]\n", "one JSON object a line"),
        ("text.jsonl", '{"run": "a", "params": 1, "loss": "x", "step": 1}\n', "column 'loss'; got 'x' in line 1"),
        ("table.xls", "x", r"needs a curve table \(Parquet, .*\) or a log of .*; got table.xls, which"),
        ("binary.csv", "\x00\x01,\x02\n", "binary.csv"),
        ("ragged.csv", "run,params,loss,step\na,1,2\n", r"cannot read .*ragged.csv as csv: CSV parse error"),
        ("both.csv", "run,params,loss,step\na,1,x,1\na,1,2\n", r"cannot read .*both.csv as csv: CSV parse error"),
    ]:
        (tmp_path / name).write_text(content)
        with pytest.raises(InputError, match=message):
            read_curves(tmp_path / name)
    with pytest.raises(InputError, match=r"a file or folder that exists; got /no/such/file"):
        read_curves("/no/such/file")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"got none in .*folder"):
        read_curves(tmp_path / "folder")


def test_a_file_of_unreadable_text_is_refused(tmp_path):
    (tmp_path / "latin.csv").write_bytes(b"run,params,loss,step\n\xe9,1,2,1\n\xe9,1,1,2\n")
    with pytest.raises(InputError, match=r"cannot read .*latin.csv as csv: .*invalid UTF8"):
        read_curves(tmp_path / "latin.csv")


def test_a_reader_says_by_itself_what_it_reads(tmp_path, monkeypatch):
    reader = readers.Reader(
        what="my log",
        reads=lambda file: file.path.name == "log.json",
        log=lambda files: Log(table=pa.table(json.loads(files[0].content()))),
    )
    kinds = Registry("reader", readers.__name__, {**readers.READERS.entries, "mine": "mine:MINE"})
    monkeypatch.setitem(sys.modules, f"{readers.__name__}.mine", SimpleNamespace(MINE=reader))
    monkeypatch.setattr(find_logs, "READERS", kinds)
    monkeypatch.setattr(readers, "READERS", kinds)
    (tmp_path / "log.json").write_text(json.dumps(COLUMNS))
    (tmp_path / "other.json").write_text("{}")
    ladder = read_curves(tmp_path)
    assert [c.run for c in ladder] == ["a", "b"]
    assert [f.subject for f in ladder.integrity.of_kind("other file")] == [str(tmp_path / "other.json")]
    with pytest.raises(InputError, match=r"or a log of .*my log; got other.json"):
        read_curves(tmp_path / "other.json")


def test_json_lines_with_nan_and_absent_keys(tmp_path):
    path = tmp_path / "t.jsonl"
    rows = [{"run": "a", "params": 10, "step": i, "loss": v} for i, v in enumerate([3.0, float("nan"), 2.0])]
    path.write_text(
        "\n".join(json.dumps(r) for r in [*rows, {"run": "a", "params": 10, "step": 3, "loss": 1, "lr": 0.1}])
    )
    curve = read_curves(path).curves[0]
    assert curve.loss.tolist() == [3, 2, 1]
    assert curve.lr is not None
    assert np.isnan(curve.lr).tolist() == [True, True, False]


def test_a_thousand_runs_whose_rows_are_mixed_come_apart(tmp_path):
    runs, points = 1000, 20
    loss = np.random.default_rng(0).random((runs, points)) + 1
    order = np.random.default_rng(1).permutation(runs * points)
    columns = {
        "run": np.repeat([f"r{i}" for i in range(runs)], points),
        "params": np.repeat(np.arange(runs) // 5 + 10, points),
        "tokens": np.tile(np.arange(1.0, points + 1), runs),
        "loss": loss.ravel(),
        "seed": np.repeat(np.arange(runs) % 5, points),
    }
    path = tmp_path / "mixed.parquet"
    pq.write_table(pa.table({name: values[order] for name, values in columns.items()}), path)
    ladder = read_curves(path)
    assert len(ladder) == runs
    for curve in ladder:
        i = int(curve.run[1:])
        assert (curve.params, curve.seed) == (i // 5 + 10, i % 5)
        np.testing.assert_array_equal(curve.loss, loss[i])


@given(st.data())
def test_shuffled_rows_read_as_the_same_ladder(data):
    ladder = law_ladder(sizes=2, seeds=2, points=6)
    columns = table_of(ladder)
    order = data.draw(st.permutations(range(len(columns["loss"]))))
    shuffled = read_curves({k: [v[i] for i in order] for k, v in columns.items()})
    for one, two in zip(ladder, shuffled, strict=True):
        np.testing.assert_array_equal(one.tokens, two.tokens)
        np.testing.assert_array_equal(one.loss, two.loss)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from([1.0, 2.0, np.nan]),
            st.one_of(st.integers(-1, 5), st.just(np.nan)),
            st.one_of(st.floats(-2, 4), st.sampled_from([np.nan, np.inf, -np.inf])),
        ),
        max_size=12,
    )
)
def test_any_table_gives_a_valid_ladder_or_one_sentence(rows):
    columns = {k: [r[i] for r in rows] for i, k in enumerate(("run", "params", "tokens", "loss"))}
    try:
        ladder = read_curves(pa.table(columns) if rows else columns)
    except InputError as error:
        sentence = str(error)
    else:
        sentence = "read_curves"
    assert sentence.startswith("read_curves")
    assert "\n" not in sentence
    if sentence != "read_curves":
        return
    report = ladder.integrity
    assert report.rows_read == len(rows)
    assert report.rows_used == sum(len(c) for c in ladder)
    if report.rows_used < report.rows_read:
        assert any(f.action in ("dropped", "merged") for f in report.findings)


@pytest.mark.published
def test_published_tables(published):
    mlp = read_curves(published("qiu_mlp_linear"))
    copies = mlp.integrity.of_kind("duplicate run")
    assert len(copies) == 16
    assert all(f.subject.endswith("-copy2") for f in copies)
    assert [len(c) for c in mlp.by_size.values()] == [5] * 8
    assert len(read_curves(published("qiu_cifar5m_schedules"))) == 30
    const = read_curves(published("qiu_mlp_const"))
    assert all(c.horizon_tokens < 0.95 * c.tokens[-1] for c in const)
    assert len(read_curves(published("luo_llama_25m"))) == 9


def test_a_curve_table_repeats_run_level_values():
    ladder = read_curves(table(schedule=["linear"] * 8, seed=[0] * 4 + [1] * 4))
    rows = curve_table(ladder).to_pylist()
    assert [r["schedule"] for r in rows] == ["linear"] * 8
    assert [r["seed"] for r in rows] == [0] * 4 + [1] * 4
    with pytest.raises(InputError, match=r"ending in .parquet, .csv or .jsonl; got t.txt"):
        write_curves(ladder, "t.txt")
