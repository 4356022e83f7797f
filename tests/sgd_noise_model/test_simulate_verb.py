"""`scaling-collapse simulate`: a curve table that reads back as what was simulated, pictures and JSON."""

import json

import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical import read_curves
from scaling_collapse.output import TableOutputs
from scaling_collapse.verbs.simulate import simulate


def test_table_reads_back_with_every_size_schedule_and_seed(tmp_path):
    code = simulate(
        sizes=[8, 16], alpha=1.0, beta=0.3, schedule=["wsd(decay=0.5)", "linear"], kappa=50.0, gamma=1.0, batch=2,
        label_noise=0.1, seeds=3, to=TableOutputs(out=tmp_path, json=str(tmp_path / "a.json")),
    )  # fmt: skip
    assert code == 0
    ladder = read_curves(tmp_path / "curves.parquet")
    assert ladder.sizes == (8.0, 16.0)
    assert {c.schedule for c in ladder} == {"wsd(decay=0.5)", "linear"}
    assert len(ladder) == 2 * 2 * 3
    assert {c.tokens[-1] for c in ladder} == {400.0, 800.0}
    told = json.loads((tmp_path / "a.json").read_text())
    assert told["irreducible_loss"] == 0.05
    assert told["problem"]["phase"] == "Ia"
    run = told["runs"][0]
    same = [c for c in ladder if c.schedule == run["schedule"] and c.params == run["params"]]
    assert run["reducible_loss"] == pytest.approx(sum(c.loss[-1] for c in same) / 3 - 0.05)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_expected_curves_at_the_horizon_of_the_phase(tmp_path, capsys):
    simulate(
        sizes=[64], alpha=1.0, beta=0.25, features="equivalent", solver="fast", to=TableOutputs(out=tmp_path, json="-")
    )
    told = json.loads(capsys.readouterr().out)
    assert told["horizon"]["gamma"] == 2.0
    assert told["runs"][0]["tokens"] == 2 * 64**2


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"sizes": [8.5]}, r"simulate needs --sizes as whole numbers >= 1; got 8.5"),
        ({"kappa": -1.0}, r"simulate needs --kappa as a number > 0; got -1.0"),
        ({"seeds": -2}, r"simulate needs --seeds >= 0; got -2"),
        ({"peak": 1.5}, r"needs a peak learning rate below the stability limit"),
        ({"schedule": ["linear(decay=3)"]}, r"linear needs `decay` .*got 3"),
    ],
)
def test_refusals(tmp_path, arguments, match):
    with pytest.raises(InputError, match=match):
        simulate(**({"sizes": [8], "alpha": 1.0, "beta": 0.3, "to": TableOutputs(out=tmp_path)} | arguments))
