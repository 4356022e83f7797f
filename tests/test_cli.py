"""The command line: results, exit codes, one sentence for bad input, and nothing written then."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic import law_ladder, table_of

from scaling_collapse.cli import VERBS, main
from scaling_collapse.empirical import write_curves


@pytest.fixture
def ladder_file(tmp_path):
    return str(write_curves(law_ladder(), tmp_path / "ladder.parquet"))


def run(capsys, *tokens):
    """Exit code, standard output, standard error of one command line."""
    code = main([str(t) for t in tokens])
    out, err = capsys.readouterr()
    return code, out, err


def test_measure_writes_json_and_pictures(capsys, tmp_path, ladder_file):
    code, out, err = run(capsys, "measure", ladder_file, "--json", tmp_path / "r.json", "--out", tmp_path / "pictures")
    assert (code, err) == (0, "")
    assert "Verdict: supercollapse" in out
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["verdict"] == "supercollapse"
    assert len(report["x"]) == len(report["delta"]) == len(report["sigma"]) == 181
    names = sorted(p.name for p in (tmp_path / "pictures").iterdir())
    assert names == ["collapse.png", "delta_vs_sigma.png", "law.png", "report.html", "report.json", "trend.png"]
    assert (tmp_path / "pictures" / "report.json").read_bytes() == (tmp_path / "r.json").read_bytes()


def test_json_on_standard_output_stands_alone(capsys, ladder_file):
    code, out, _ = run(capsys, "measure", ladder_file, "--json", "-")
    assert code == 0
    assert json.loads(out)["law"]["status"] == "ok"


def test_check_turns_a_negative_finding_into_exit_code_1(capsys, tmp_path, ladder_file):
    assert run(capsys, "measure", ladder_file, "--check")[0] == 0
    two = write_curves(law_ladder(sizes=2), tmp_path / "two.csv")
    assert run(capsys, "measure", two)[0] == 0
    assert run(capsys, "measure", two, "--check")[0] == 1
    assert run(capsys, "measure", two, "--check", "--offset", "2")[0] == 0


def test_where_selects(capsys, tmp_path):
    rows = table_of(law_ladder())
    rows["schedule"] = ["linear"] * len(rows["loss"])
    other = table_of(law_ladder(rng=1))
    other["run"] = [f"cosine-{r}" for r in other["run"]]
    other["schedule"] = ["cosine"] * len(other["loss"])
    pq.write_table(pa.concat_tables([pa.table(rows), pa.table(other)]), tmp_path / "both.parquet")
    code, _, err = run(capsys, "measure", tmp_path / "both.parquet")
    assert code == 2
    assert "runs of one schedule; got cosine, linear" in err
    assert run(capsys, "measure", tmp_path / "both.parquet", "--where", "schedule=linear")[0] == 0
    code, _, err = run(capsys, "measure", tmp_path / "both.parquet", "--where", "schedule")
    assert code == 2
    assert "--where needs COLUMN=VALUE; got 'schedule'" in err


def test_fit_writes_json_and_picture(capsys, tmp_path):
    from empirical_ladders import two_term

    ladder, gamma, _ = two_term()
    table = write_curves(ladder, tmp_path / "t.parquet")
    code, out, _ = run(capsys, "fit", table, "--json", tmp_path / "h.json", "--out", tmp_path)
    assert code == 0
    assert "data exponent gamma = 0.79" in out
    assert json.loads((tmp_path / "h.json").read_text())["gamma"] == pytest.approx(gamma, abs=0.01)
    assert (tmp_path / "horizon.png").exists()


def bad_tables(folder):
    """Name, table and the words that its error must hold."""
    good = table_of(law_ladder(sizes=3, seeds=2, points=30))
    n = len(good["loss"])

    def write(name, columns):
        pq.write_table(pa.table(columns), folder / name)
        return folder / name

    yield write("missing.parquet", {k: v for k, v in good.items() if k != "loss"}), "Add or rename loss"
    yield write("empty.parquet", pa.table(good).slice(0, 0)), "at least one row"
    yield write("one_size.parquet", table_of(law_ladder(sizes=1))), "at least 2 sizes; got 1"
    yield write("one_point.parquet", good | {"run": [str(i) for i in range(n)]}), "a curve needs at least 2 points"
    yield write("nan.parquet", good | {"loss": np.full(n, np.nan)}), "no point with a finite loss"
    yield write("inf.parquet", good | {"loss": np.full(n, np.inf)}), "no point with a finite loss"
    yield write("negative.parquet", good | {"tokens": -np.asarray(good["tokens"])}), "`tokens` >= 0; got -"
    horizons = np.where(np.asarray(good["seed"]) == 0, 0.5, 1.0) * np.repeat(
        [c.tokens[-1] for c in law_ladder(sizes=3, seeds=2, points=30)], 30
    )
    yield write("horizons.parquet", good | {"horizon_tokens": horizons}), "one horizon per size"
    whole = write("whole.parquet", good).read_bytes()
    (folder / "truncated.parquet").write_bytes(whole[: len(whole) // 2])
    yield folder / "truncated.parquet", "The file is damaged"
    yield folder / "nowhere.parquet", "a file or folder that exists"
    (folder / "bad_cell.csv").write_text("run,params,tokens,loss\na,1,1,3\na,1,2,x\n")
    yield folder / "bad_cell.csv", "column 'loss'; got 'x' in row 2"


def test_bad_input_is_one_sentence_exit_code_2_and_writes_nothing(capsys, tmp_path):
    for path, words in bad_tables(tmp_path):
        before = set(tmp_path.rglob("*"))
        code, out, err = run(capsys, "measure", path, "--json", tmp_path / "r.json", "--out", tmp_path / "pictures")
        assert (code, out) == (2, ""), path
        assert words in err, (path, err)
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert "Traceback" not in err
        assert set(tmp_path.rglob("*")) == before


def test_loss_below_the_offset_is_bad_input(capsys, ladder_file):
    code, _, err = run(capsys, "measure", ladder_file, "--offset", "9")
    assert code == 2
    assert "offset below every final loss; got 9" in err


def test_steps_out_of_order_are_repaired_and_reported(capsys, tmp_path):
    rows = table_of(law_ladder())
    order = np.random.default_rng(0).permutation(len(rows["loss"]))
    pq.write_table(pa.table({k: [v[i] for i in order] for k, v in rows.items()}), tmp_path / "t.parquet")
    code, out, _ = run(capsys, "measure", tmp_path / "t.parquet")
    assert code == 0
    assert "steps out of order repaired" in out


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["measur", "x"], "needs one of the verbs"),
        (["measure"], "measure needs a value for SOURCE; got none"),
        (["measure", "x", "--ofset", "1"], "measure needs options that it knows; got '--ofset'"),
        (
            ["measure", "x", "--offset", "one"],
            "needs --offset to be a number, such as 0.5, 3e8 or 125M; got 'one'",
        ),
        (["extrapolate", "x", "--params", "12Q"], "needs --params to be a number, such as 0.5, 3e8 or 125M; got '12Q'"),
        (
            ["derive", "t**-1 + p**-1", "--sizes", "1M", "x"],
            "--sizes to be a number, such as 0.5, 3e8 or 125M; got 'x'",
        ),
        (["train", "no-such-preset", "--out", "x"], "no-such-preset"),
    ],
)
def test_bad_arguments_are_one_sentence(capsys, tmp_path, monkeypatch, tokens, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *tokens)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_target_that_cannot_be_written_is_bad_input(capsys, tmp_path, ladder_file):
    code, _, err = run(capsys, "measure", ladder_file, "--json", tmp_path / "no" / "folder" / "r.json")
    assert code == 2
    assert "cannot write" in err
    (tmp_path / "file").write_text("")
    code, _, err = run(capsys, "measure", ladder_file, "--out", tmp_path / "file")
    assert code == 2
    assert "cannot make the folder" in err


def test_outputs_that_exist_are_replaced_on_request_and_inputs_never(capsys, tmp_path, ladder_file):
    report, folder = tmp_path / "r.json", tmp_path / "all"
    words = ("measure", ladder_file, "--json", report, "--out", folder)
    assert run(capsys, *words)[0] == 0
    before = report.read_bytes()
    report.write_text("mine")
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert f"measure needs --overwrite to replace {report}, which exists" in err
    assert report.read_text() == "mine"
    assert run(capsys, *words, "--overwrite")[0] == 0
    assert report.read_bytes() == before
    kept = Path(ladder_file).read_bytes()
    (tmp_path / "link.json").hardlink_to(ladder_file)  # the same file under another name
    for target in (ladder_file, tmp_path / "link.json"):
        code, _, err = run(capsys, "measure", ladder_file, "--json", target, "--overwrite")
        assert code == 2
        assert "measure does not write onto its own input" in err
    assert Path(ladder_file).read_bytes() == kept


def test_devices_are_written_to_and_links_stay_links(capsys, tmp_path, ladder_file):
    device = os.stat(os.devnull)
    assert run(capsys, "measure", ladder_file, "--json", os.devnull)[0] == 0
    assert os.stat(os.devnull).st_rdev == device.st_rdev
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    assert run(capsys, "measure", ladder_file, "--json", link, "--overwrite")[0] == 0
    assert link.is_symlink()
    assert json.loads(real.read_text())["verdict"] == "supercollapse"
    assert real.stat().st_mode & 0o777 == 0o640


def test_an_interrupt_says_what_stands(capsys, monkeypatch, ladder_file):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("scaling_collapse.empirical.tables.curve_reader.read_curves", interrupted)
    monkeypatch.setattr("scaling_collapse.empirical.read_curves", interrupted)
    code, _, err = run(capsys, "measure", ladder_file)
    assert code == 130
    assert "what was said to be written stands" in err


@pytest.mark.parametrize("verb", VERBS)
def test_words_mean_the_same_in_every_verb(capsys, verb):
    """The words of the command line: what every verb offers, and what none does any more."""
    assert main([verb, "--help"]) == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("--out", "--json", "--overwrite"))
    gone = ("--calibrate", "--from", "--pictures", "--picture ", "--html", "--latex", "--plot", "--write")
    assert not any(word in told for word in gone)


def test_help_shows_laws_as_they_are_typed(capsys):
    assert main(["derive", "--help"]) == 0
    assert '"L0 + a*t**-mu + b*p**-nu"' in capsys.readouterr().out
    assert main(["train", "--help"]) == 0
    assert capsys.readouterr().out.count("\nExample: ") == 2


def test_every_verb_has_help_with_an_example(capsys):
    for verb in VERBS:
        assert main([verb, "--help"]) == 0
        assert f"Example: scaling-collapse {verb}" in capsys.readouterr().out


def modules_after(code):
    """The names of the modules that a fresh process has loaded after `code`."""
    code = f"{code}\nimport sys\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_the_front_door_loads_only_what_it_shows(ladder_file):
    """Seconds are measured by benchmarks/startup_and_waits.py; what would cost them is held here."""
    trainers = {"torch", "jax"}
    heavy = trainers | {"sympy", "matplotlib", "scipy", "numba", "pyarrow"}
    imported = modules_after("import scaling_collapse")
    assert not imported & (heavy | {"numpy", "cyclopts", "scaling_collapse.cli"})
    main_of = "from scaling_collapse.cli import main\nassert main({}) == 0"
    helped = modules_after(main_of.format(["--help"]))
    assert not helped & (heavy | {"numpy"})
    assert not {m for m in helped if m.startswith("scaling_collapse.verbs")}
    measured = modules_after(main_of.format(["measure", ladder_file]))
    assert not measured & (trainers | {"sympy", "matplotlib", "numba"})
    assert not measured & {f"scaling_collapse.verbs.{verb}" for verb in VERBS if verb != "measure"}


BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "jax"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
from scaling_collapse.cli import main
"""


def test_the_core_install_measures_fits_and_reads_without_torch_and_jax(ladder_file, tmp_path):
    code = BLOCK + f"sys.exit(main(['measure', {ladder_file!r}, '--out', {str(tmp_path / 'p')!r}]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_core_install_forecasts_without_torch_and_jax(schedule_runs):
    runs, target = str(schedule_runs / "runs.parquet"), str(schedule_runs / "target.parquet")
    words = ["forecast", runs, "--target", target, "--table", str(schedule_runs / "p.parquet")]
    code = BLOCK + f"sys.exit(main({words!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_train_without_torch_says_what_to_install(tmp_path):
    code = BLOCK + f"sys.exit(main(['train', 'demo', '--out', {str(tmp_path / 'x')!r}]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'scaling-collapse[train]'" in done.stderr
    assert not (tmp_path / "x" / "curves.parquet").exists()


def test_a_closed_pipe_is_no_traceback(ladder_file):
    command = f"{sys.executable} -m scaling_collapse measure {ladder_file} --json - | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


@pytest.fixture
def schedule_runs(tmp_path):
    """Calibration and target tables of a made-up law, as a user would have them."""
    t = np.linspace(1e6, 1e8, 150)
    rows = {"run": [], "params": [], "tokens": [], "lr": [], "loss": []}
    for name, decay in (("constant", 1e-9), ("short", 0.2), ("long", 1.0), ("new", 0.5)):
        s = np.minimum(1.0, (1.0001e8 - t) / (decay * 1e8))
        tau = np.cumsum(s) / s.size
        rows["run"] += [name] * t.size
        rows["params"] += [1e6] * t.size
        rows["tokens"] += t.tolist()
        rows["lr"] += (1e-3 * s).tolist()
        rows["loss"] += (2.0 + 0.5 * tau**-0.4 - 0.1 * (1 - s)).tolist()
    table = pa.table(rows)
    new = np.array(rows["run"]) == "new"
    pq.write_table(table.filter(pa.array(~new)), tmp_path / "runs.parquet")
    pq.write_table(table.filter(pa.array(new)), tmp_path / "truth.parquet")
    pq.write_table(table.filter(pa.array(new)).drop_columns(["loss"]), tmp_path / "target.parquet")
    return tmp_path


def test_forecast_writes_the_target_with_its_loss_and_band(capsys, schedule_runs):
    folder = schedule_runs
    common = ("forecast", folder / "runs.parquet", "--target", folder / "target.parquet")
    places = ("--table", folder / "p.parquet", "--out", folder / "all", "--json", folder / "f.json")
    code, out, err = run(capsys, *common, *places)
    assert (code, err) == (0, "")
    assert "Law: response, fitted to 3 runs" in out
    made, truth = pq.read_table(folder / "p.parquet"), pq.read_table(folder / "truth.parquet")
    loss, want = made["loss"].to_numpy(), truth["loss"].to_numpy()
    assert np.abs(loss / want - 1)[10:].max() < 2e-3
    assert (made["loss_low"].to_numpy() < loss).all()
    assert (loss < made["loss_high"].to_numpy()).all()
    assert made["lr"].to_pylist() == truth["lr"].to_pylist()
    assert (folder / "all" / "forecast.png").stat().st_size > 10_000
    report = json.loads((folder / "f.json").read_text())["forecasts"][0]
    assert report["run"] == "new"
    assert report["calibrated_on"] == ["constant", "long", "short"]
    # The same from a target whose loss is poison.
    poisoned = truth.set_column(truth.column_names.index("loss"), "loss", pa.array(np.full(len(truth), np.inf)))
    pq.write_table(poisoned, folder / "target.parquet")
    assert run(capsys, *common, "--table", folder / "q.parquet")[0] == 0
    assert pq.read_table(folder / "q.parquet").equals(made)


def test_forecast_plan_ranks_cooldowns(capsys, schedule_runs):
    folder = schedule_runs
    words = ("forecast", folder / "runs.parquet", "--plan", "--budget", "100M", "--table", folder / "plan.csv")
    code, out, _ = run(capsys, *words, "--out", folder / "all", "--json", folder / "plan.json")
    assert code == 0
    assert out.startswith("Cool down over the last")
    assert "for 1M parameters and 100M tokens" in out
    plan = json.loads((folder / "plan.json").read_text())
    assert plan["best"]["gain"] > 0.05
    assert plan["best"]["loss"] == min(p["loss"] for p in plan["plans"])
    assert len((folder / "plan.csv").read_text().splitlines()) == 1 + len(plan["plans"])
    assert (folder / "all" / "plan.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ((), "forecast needs --target, a table of runs to forecast, --running, a run in progress, or --plan; got none"),
        (("--plan",), "forecast --plan needs --budget"),
        (("--plan", "--budget", "-3"), "plan_cooldown needs a `budget` of tokens > 0; got -3"),
        (("--target", "runs.parquet", "--plan", "--budget", "1"), "either --plan or --target; got both"),
        (
            ("--target", "target.parquet", "--table", "p.xls"),
            "--table to end in .parquet, .csv or .jsonl; got p.xls",
        ),
        (("--target", "target.parquet", "--table", "runs.parquet"), "does not write onto its own input runs.parquet"),
        (("--target", "target.parquet", "--law", "magic"), "needs a law of convex-bound"),
        (("--target", "none.parquet"), "none.parquet"),
    ],
)
def test_forecast_names_bad_input_and_writes_nothing(capsys, schedule_runs, monkeypatch, more, sentence):
    monkeypatch.chdir(schedule_runs)
    before = sorted(p.name for p in schedule_runs.iterdir())
    code, _, err = run(capsys, "forecast", "runs.parquet", *more)
    assert code == 2
    assert sentence in err
    assert err.count("\n") == 1
    assert sorted(p.name for p in schedule_runs.iterdir()) == before
