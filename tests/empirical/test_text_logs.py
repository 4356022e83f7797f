"""Text logs, as the programs print them: every point comes out, with what the log says of tokens, sizes and seeds."""

from pathlib import Path

import pytest

from scaling_collapse import InputError, read_curves
from scaling_collapse.empirical.tables.log_mapping import LogMapping
from scaling_collapse.empirical.tables.understanding import understand

PRINTED = Path(__file__).parents[1] / "program_logs"
NANOGPT = (PRINTED / "nanogpt.log").read_text()


def read(path):
    """Rows as they were logged, settings, and the table of the one log."""
    found = understand(path, LogMapping())
    return found.logs[0].log, found.tables[0]


def column(table, name):
    return [v for v in table[name].to_pylist() if v is not None]


@pytest.mark.parametrize(
    ("program", "losses", "clock", "settings"),
    [
        ("nanogpt", {"val_loss": [10.9869, 6.1204, 5.3], "estimated_train_loss": [10.9874, 6.1009, 5.2]},
         [0, 250 * 491520, 500 * 491520], {"params": 123.59e6}),
        ("llm.c", {"val_loss": [11.009, 10.5], "train_loss": [10.9951, 10.9506, 10.9001],
                    "lr": [8.57e-7, 1.71e-6, 2.57e-6]}, [0, 2 * 524288], {"params": 124475904}),
        ("llm.c-main", {"val_loss": [11.0063, 6.5], "train_loss": [10.9951, 10.5], "lr": [1e-6, 2e-6]}, [0, 250], {}),
        ("modded-nanogpt", {"val_loss": [10.8258, 4.6123], "train_loss": [4.5872]}, [0, 125], {}),
        ("torchtitan", {"val_loss": [9.9, 8.2], "train_loss": [12.2721, 9.8123, 8.1]},
         [10 * 8 * 8192, 20 * 8 * 8192], {"params": 8030261248}),
        ("megatron-lm", {"train_loss": [9.09145, 7.5, 6.5], "val_loss": [7.6], "lr": [6e-6, 1.2e-5, 1.8e-5]},
         [25600 * 2048, 51200 * 2048, 76800 * 2048], {"params": 2 * 354871296, "seed": 1234}),
        ("olmo-core", {"train/CE loss": [11.53, 9.25], "optim/LR (group 0)": [4e-7, 4e-6]}, [4194304, 41943040], {}),
        ("axolotl", {"train_loss": [1.9, 1.8], "eval_loss": [1.85, 1.75], "learning_rate": [4.875e-5, 4.625e-5]},
         [5, 10], {}),
    ],
)  # fmt: skip
def test_what_programs_print(program, losses, clock, settings):
    log, table = read(PRINTED / f"{program}.log")
    for name, values in losses.items():
        assert column(log.table, name) == values
    given = table.filter(table["loss"].is_valid())
    at = given["tokens" if "tokens" in table.column_names else "step"].to_pylist()
    assert at[: len(clock)] == clock
    assert log.settings[""] == settings


def test_a_text_log_is_a_run_from_the_file_to_the_ladder(tmp_path):
    for name, factor in (("small", 1.0), ("large", 0.5)):
        (tmp_path / f"{name}.log").write_text(
            NANOGPT.replace("val loss 5.3", f"val loss {5.3 * factor}").replace(
                "123.59M", "10.5M" if factor == 1 else "1.5B"
            )
        )
    (tmp_path / "notes.txt").write_text("step one: buy milk\nstep two: 3 eggs\n")
    ladder = read_curves(tmp_path)
    assert [(c.run, c.params, c.clock, c.loss.tolist()) for c in ladder] == [
        ("small", 10.5e6, "tokens", [10.9869, 6.1204, 5.3]), ("large", 1.5e9, "tokens", [10.9869, 6.1204, 2.65]),
    ]  # fmt: skip


def test_a_restarted_text_log_is_one_run_and_two_runs_in_one_are_refused(tmp_path):
    lines = [f"iter {i}: loss {3 + 8 / (i + 1) ** 0.5:.4f}, time 9ms, mfu 1%\n" for i in range(0, 1000, 10)]
    path = tmp_path / "a.log"
    path.write_text("".join([*lines[:60], "Resuming training from out\n", *lines[50:]]))
    ladder = read_curves(path, mapping={"params": {"a": "1M"}})
    assert len(ladder.curves[0]) == 100
    assert [f.kind for f in ladder.integrity.findings if f.action == "merged"] == ["restart"]
    path.write_text("".join(lines + lines))
    with pytest.raises(InputError, match=r"second pass from step 0 on under 'a' of .*a.log"):
        read_curves(path, mapping={"params": {"a": "1M"}})


def test_a_pattern_of_ones_own(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("".join(f"<{i}> L={4 - i / 10:.2f} seen 1,0{i}0 tok\n" for i in range(10)))
    mapping = {"pattern": r"<(?P<step>\d+)> L=(?P<loss>\S+) seen (?P<tokens>[\d,]+)", "params": {"*": "1k"}}
    (curve,) = read_curves(path, mapping=mapping)
    assert curve.loss.tolist() == [round(4 - i / 10, 2) for i in range(10)]
    assert curve.tokens.tolist() == [1000 + 10 * i for i in range(10)]
    with pytest.raises(InputError, match=r"--pattern needs lines that it fits; got 0 in .*mine.txt"):
        read_curves(path, mapping=mapping | {"pattern": r"nothing (?P<loss>\d+)"})
    for pattern, words in (
        (r"(", "needs a regular expression"),
        (r"loss", "needs named groups"),
        (r"(?P<a>\d{9999999999})", "needs a"),
    ):
        with pytest.raises(InputError, match=words):
            LogMapping(pattern=pattern)
