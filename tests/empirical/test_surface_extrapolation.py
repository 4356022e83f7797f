import json

import numpy as np
import pytest
from surface_grids import MULTIPLES, SIZES, grid_ladder, true_law

from scaling_collapse import InputError
from scaling_collapse.cli import main
from scaling_collapse.empirical import extrapolate_surface, read_curves, write_curves
from scaling_collapse.theory import LossCurve

LAW = true_law()


def one(N, M, **options):
    """A run of the same family that is not in the ladder."""
    return grid_ladder(LAW, sizes=(N,), multiples=(M,), **options).curves[0]


@pytest.mark.parametrize("drift", [0.0, 0.01])
@pytest.mark.parametrize(("N", "M"), [(3e9, 20.0), (3e9, 40.0), (1e8, 40.0)])
def test_the_curve_comes_from_law_and_nearest_multiples(N, M, drift):
    found = extrapolate_surface(grid_ladder(LAW, point=3e-4, drift=drift, rng=1), N, M * N, draws=200)
    truth = one(N, M, drift=drift).loss_at(found.tokens)
    assert found.drift == (drift > 0)
    np.testing.assert_allclose(found.loss, truth, rtol=4e-3)
    assert ((found.low <= truth) & (truth <= found.high)).mean() > 0.9
    assert found.final_loss == pytest.approx(found.surface.predict(N, M * N).loss)


def test_bands_hold_runs():
    inside = []
    for seed in range(6):
        found = extrapolate_surface(grid_ladder(LAW, point=1e-3, level=1e-3, rng=seed), 3e9, 6e10, draws=200)
        run = one(3e9, 20.0, point=1e-3, level=1e-3, rng=[seed, 1])
        inside.append(found.final_interval[0] <= run.horizon_loss <= found.final_interval[1])
    assert np.mean(inside) >= 0.7


def test_what_lies_beyond_the_runs_is_said_and_refused():
    ladder = grid_ladder(LAW, point=1e-3)
    found = extrapolate_surface(ladder, 4e9, 8e10, draws=200)
    assert "4e+09 parameters lie 4 times beyond the runs" in found.notes[0]
    assert "beyond the runs" not in " ".join(extrapolate_surface(ladder, 2e9, 4e10, draws=200).notes)
    with pytest.raises(InputError, match=r"parameters within 30 times what was run; got 1e\+12, 1e\+03 times beyond"):
        extrapolate_surface(ladder, 1e12, 2e13, draws=200)
    with pytest.raises(InputError, match="tokens per parameter within 30 times"):
        extrapolate_surface(ladder, 1e8, 1e8 * min(MULTIPLES) / 40, draws=200)
    assert extrapolate_surface(ladder, 1e12, 2e13, draws=200, far=True).claimed


def test_nothing_is_predicted_without_a_law():
    found = extrapolate_surface(grid_ladder(LAW, multiples=(20.0,)), 2e9, 4e10, draws=200)
    assert (found.status, found.claimed, found.to_json()["final_loss"]) == ("N and D not separated", False, None)
    with pytest.raises(InputError, match="needs a predicted curve; got status 'N and D not separated'"):
        found.curve()
    with pytest.raises(InputError, match="needs a predicted curve; got status 'N and D not separated'"):
        found.plot()
    assert found.png() is None


def test_arguments_are_checked():
    ladder = grid_ladder(LAW)
    with pytest.raises(InputError, match=r"extrapolate_surface needs `params` > 0; got 0"):
        extrapolate_surface(ladder, 0, 1e9)
    late = LossCurve(run="late", params=1e7, tokens=[8e8, 1e9], loss=[3.4, 3.3], schedule="linear")
    with pytest.raises(InputError, match="logged from the first half of training on; got run 'late' from 80%"):
        extrapolate_surface([*ladder, late], 2e9, 4e10, draws=200)


def test_the_verb_takes_the_law_where_sizes_have_several_horizons(capsys, tmp_path):
    source = str(write_curves(grid_ladder(LAW, point=1e-3), tmp_path / "grid.parquet"))
    folder = tmp_path / "larger"
    assert main(["extrapolate", source, "--params", "2B", "--tokens", "40B", "--out", str(folder)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("A model of 2B parameters, trained for 40B tokens, is predicted to end at a loss of ")
    curve = read_curves(folder / "extrapolation.parquet").curves[0]
    report = json.loads((folder / "report.json").read_text())
    assert report["method"] == "law"
    assert report["final_loss"] == pytest.approx(curve.horizon_loss)
    assert report["surface"]["form"] == "sum"
    assert (folder / "extrapolation.png").read_bytes().startswith(b"\x89PNG")
    assert main(["extrapolate", source, "--params", "2B", "--method", "law"]) == 2
    assert "--method law needs --tokens; got none" in capsys.readouterr().err
    one_multiple = str(write_curves(grid_ladder(LAW, multiples=(20.0,)), tmp_path / "one.parquet"))
    words = ["--params", "2B", "--tokens", "40B", "--method", "law", "--table", str(tmp_path / "none.csv")]
    assert main(["extrapolate", one_multiple, *words]) == 0
    assert "no table is written: N and D not separated" in capsys.readouterr().out
    assert not (tmp_path / "none.csv").exists()


@pytest.mark.published
def test_olmo_is_predicted_from_its_smaller_sizes(published):
    ladder = read_curves(published("olmo_ladder_c4"))
    below = ladder.select(lambda c: c.params < 2e9)
    for run in ladder.by_size[ladder.sizes[-1]]:
        found = extrapolate_surface(below, run.params, run.horizon_tokens)
        kept = found.x >= 0.2
        true = run.loss_at(found.tokens[kept])
        assert ((found.low[kept] <= true) & (true <= found.high[kept])).all()
        shape = found.loss[kept] / found.final_loss / (true / run.horizon_loss) - 1
        assert np.abs(shape).mean() < 0.001
    assert SIZES[0] < below.sizes[0]
