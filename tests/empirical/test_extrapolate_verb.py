import json

import pyarrow.parquet as pq
import pytest
from extrapolation_ladders import changed, without_largest
from synthetic import law_ladder

from scaling_collapse.cli import main
from scaling_collapse.empirical import extrapolate, read_curves, write_curves
from scaling_collapse.empirical.pictures.extrapolation_picture import draw_extrapolation


def test_the_verb_writes_table_json_and_picture(capsys, tmp_path):
    rest, held = without_largest(law_ladder(sizes=4, seeds=2))
    source, params = str(write_curves(rest, tmp_path / "ladder.parquet")), str(held[0].params)
    folder = tmp_path / "all"
    out, picture = folder / "extrapolation.parquet", folder / "extrapolation.png"
    code = main(["extrapolate", source, "--params", params, "--out", str(folder), "--json", str(tmp_path / "p.json")])
    text, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert text.startswith("A model of ")
    assert "the ladder as it is" in text
    assert "was extrapolated from the ladder's own" in text
    assert picture.read_bytes().startswith(b"\x89PNG")
    table = pq.read_table(out)
    assert {"run", "params", "tokens", "compute", "loss", "loss_low", "loss_high"} <= set(table.column_names)
    curve = read_curves(out).curves[0]
    assert curve.params == held[0].params
    assert (curve.extra["loss_low"] < curve.loss).all()
    assert (curve.extra["loss_high"] > curve.loss).all()
    report = json.loads((tmp_path / "p.json").read_text())
    assert report["final_loss"] == pytest.approx(curve.loss[-1])
    assert len(report["x"]) == len(report["loss_low"]) == len(curve)
    assert set(report["law"]) == {"L0", "a", "b", "L0_interval", "a_interval", "b_interval"}
    assert report["plan"][0]["runs"] == 0


def test_the_verb_refuses_and_says_when_nothing_is_predicted(capsys, tmp_path):
    ladder = law_ladder(sizes=4, seeds=1)
    source = str(write_curves(ladder, tmp_path / "ladder.csv"))
    assert main(["extrapolate", source, "--params", "1e8", "--table", str(tmp_path / "p.txt")]) == 2
    assert "--table to end in .parquet, .csv or .jsonl; got p.txt" in capsys.readouterr().err
    assert main(["extrapolate", source, "--params", "1e8", "--method", "x"]) == 2
    assert "'curves' or 'ends'; got 'x'" in capsys.readouterr().err
    growing = str(write_curves(changed(ladder, lambda c: c.loss + 1e-6 * c.params), tmp_path / "growing.csv"))
    out = tmp_path / "none.csv"
    assert main(["extrapolate", growing, "--params", "100M", "--table", str(out), "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["status"] == "not a decreasing law"
    assert report["final_loss"] is None
    assert not out.exists()


def test_the_picture_is_a_png():
    ladder = law_ladder(sizes=3, seeds=1)
    assert draw_extrapolation(extrapolate(ladder, 1e8, draws=500)).startswith(b"\x89PNG")
    assert draw_extrapolation(extrapolate(ladder, 1e8, method="ends", draws=500)).startswith(b"\x89PNG")
