"""The papers' figures: every one is drawn from the project's own tables and looks as it did when it was last looked at.

`python tests/test_figures.py` draws the thumbnails anew, after curve tables or figures have changed on purpose. They
are made from the project's own tables and simulations alone, never from published ones.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scaling_collapse import InputError
from scaling_collapse.cli import main
from scaling_collapse.paper_figures import FIGURES, MissingCurvesError, draw_figures
from scaling_collapse.paper_figures import fig01f_predicted_quality as quality
from scaling_collapse.paper_figures import fig04_ablations as ablations
from scaling_collapse.paper_figures import fig05_power_law_sums as sums
from scaling_collapse.paper_figures import figb2_early_alarm as early
from scaling_collapse.paper_figures import toy_family as toy
from scaling_collapse.paper_figures.curve_tables import FAMILIES, Tables, label_of
from scaling_collapse.paper_figures.figure_page import write_page
from scaling_collapse.paper_figures.panels import collapse_of
from scaling_collapse.theory import Ladder, LossCurve

THUMBNAILS = Path(__file__).with_name("thumbnails")
WIDTH = 160
TOLERANCE = 1.5
"""Mean absolute difference of gray values (0 to 255): other fonts or compilers stay below, other curves do not."""


def thumbnail(picture):
    image = Image.open(picture).convert("L")
    return image.resize((WIDTH, round(WIDTH * image.height / image.width)), Image.Resampling.BOX)


def difference(picture, reference):
    new, old = np.asarray(thumbnail(picture), float), np.asarray(Image.open(reference).convert("L"), float)
    return np.inf if new.shape != old.shape else np.abs(new - old).mean()


@pytest.mark.slow
def test_every_figure_is_drawn_and_looks_like_its_thumbnail(tmp_path):
    drawn = draw_figures([], tmp_path, fast=True)
    assert [d.name for d in drawn] == list(FIGURES)
    for d in drawn:
        reference = THUMBNAILS / f"{d.name}.png"
        if d.skipped:
            assert "with --curves DIR" in d.skipped, d.skipped
            assert not reference.exists(), f"{d.name} was drawn once and is skipped now: {d.skipped}"
            continue
        assert [f.name for f in d.files] == [f"{d.name}.png"]
        assert reference.exists(), f"{d.name} has no thumbnail: look at it, then python tests/test_figures.py"
        assert difference(d.files[0], reference) < TOLERANCE, d.name


def test_a_changed_figure_differs_from_its_thumbnail(tmp_path, monkeypatch):
    monkeypatch.setattr(sums, "FACTORS", (0.8, 1.0, 1.2))
    (picture,) = sums.make(tmp_path, fast=True)
    assert difference(picture, THUMBNAILS / "fig05_power_law_sums.png") > TOLERANCE


def test_thumbnails_are_small_and_belong_to_figures():
    files = list(THUMBNAILS.iterdir())
    assert {f.stem for f in files} <= set(FIGURES)
    assert all(f.stat().st_size < 20_000 for f in files)


def test_vector_and_raster_files_are_the_same_every_time(tmp_path):
    def draw(figure):
        figure.subplots().plot([0, 1], [1, 0], label="falls")

    for folder in ("a", "b"):
        files = write_page(tmp_path / folder, "line", draw, width=2.0, height=1.5, data="none", fast=False)
        assert [f.name for f in files] == ["line.png", "line.pdf"]
    for name in ("line.png", "line.pdf"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a" / "line.pdf").read_bytes().startswith(b"%PDF")


def test_the_verb_skips_what_lacks_curves_and_says_what_is_missing(tmp_path, capsys):
    out, empty = tmp_path / "out", tmp_path / "empty"
    empty.mkdir()
    assert main(["figures", "fig01a", "figb2", "--out", str(out), "--curves", str(empty), "--fast", "--json", "-"]) == 0
    skipped, drawn = json.loads(capsys.readouterr().out)["figures"]
    assert skipped["files"] == []
    assert "fig01a_scaling_law needs the curve tables mlp.parquet; or text.parquet" in skipped["skipped"]
    assert drawn["skipped"] is None
    assert [Path(f).name for f in drawn["files"]] == ["figb2_early_alarm.png"]
    assert skipped["skipped"].endswith(
        "Name a folder that has them with --curves DIR; without it, the package's own tables are drawn."
    )


def test_a_table_that_cannot_be_drawn_is_an_error_not_a_skip(tmp_path, capsys):
    folder = tmp_path / "curves"
    folder.mkdir()
    (folder / "mlp.parquet").write_text("no parquet")
    out = tmp_path / "out"
    assert main(["figures", "fig01a", "--out", str(out), "--curves", str(folder), "--fast"]) == 2
    assert "fig01a_scaling_law: read_curves cannot read" in capsys.readouterr().err


def test_bad_input_is_one_sentence(tmp_path, capsys):
    assert main(["figures", "fig99", "--out", str(tmp_path)]) == 2
    assert "figures needs names of fig01a_scaling_law" in capsys.readouterr().err
    assert main(["figures", "--out", str(tmp_path), "--curves", str(tmp_path / "no")]) == 2
    assert "figures needs --curves as a folder of curve tables" in capsys.readouterr().err


def test_a_table_alone_is_not_enough_for_a_figure_of_two(tmp_path):
    with pytest.raises(MissingCurvesError, match="fig06_transformer_forecasts needs the curve tables"):
        Tables(tmp_path).families("fig06_transformer_forecasts", ("schedules",), kind="transformer")


def test_a_family_is_drawn_where_it_says():
    def titles(figure, *roles):
        return {f.title for f in Tables.at(None).families(figure, roles)}

    assert "MLPs, 3 inputs" in titles("fig04_ablations", "decay", "same_lr")
    assert "MLPs, 3 inputs" not in titles("fig01b_collapse", "decay")


@pytest.mark.parametrize(
    ("schedule", "lr", "fraction", "words"),
    [
        ("const", None, None, "constant"),
        ("linear", None, 1.0, "linear"),
        ("multi_cosine", None, 0.2, "multi-cosine, last 20 %"),
        ("wsd(decay=0.3)", np.minimum(1, np.linspace(1, 0, 201) / 0.3), None, "WSD, last 30 %"),
        ("wsd", np.ones(201), None, "constant"),  # stopped before it decayed
        ("wsd", None, None, "WSD"),
        (None, None, None, "unknown"),
    ],
)
def test_a_schedule_is_labelled_in_words(schedule, lr, fraction, words):
    t = np.linspace(1, 1e3, 201)
    extra = {} if fraction is None else {"decay_fraction": fraction}
    assert (
        label_of(LossCurve(run="a", params=1e4, tokens=t, loss=t**-0.4, schedule=schedule, lr=lr, extra=extra)) == words
    )


def power_law_ladder(gamma, *, seeds=6, noise=0.0, past=1.0):
    """Two power laws with a compute-optimal gamma of 1, relative noise with a persistent and a fast part."""
    rng = np.random.default_rng(0)
    curves = []
    for p in (1e4, 2e4, 4e4, 8e4, 16e4):
        horizon = 1e4 * (p / 4e4) ** gamma * 4
        for seed in range(seeds):
            t = np.linspace(0.01, past, 300) * horizon
            loss = (t**-0.4 + p**-0.4) * np.exp(noise * (rng.normal() + 0.5 * rng.normal(size=t.size)))
            curves.append(
                LossCurve(run=f"{p:g}-{seed}", params=p, tokens=t, loss=loss, seed=seed, horizon_tokens=t[-1] / past)
            )
    return Ladder(curves)


def test_deviation_is_predicted_to_first_order():
    ladder = power_law_ladder(1.2, noise=0.01)
    _, delta, sigma = collapse_of(ladder, 0.0)
    predicted, noise = quality.predicted_deviation(ladder, 0.0)
    np.testing.assert_allclose(predicted, delta, rtol=0.05)
    assert (noise < predicted).all()
    assert (noise < sigma).all()  # what persists cancels


def test_recut_moves_the_horizons_about_the_middle_size():
    ladder = power_law_ladder(1.0, seeds=1, past=1.25)
    cut = ablations.recut(ladder, 1.2)
    assert cut.sizes == ladder.sizes[:4]  # 2^0.2 = 1.15 fits into 1.25, 4^0.2 = 1.32 does not
    ratio = [c.horizon_tokens / ladder.by_size[c.params][0].horizon_tokens for c in cut]
    np.testing.assert_allclose(ratio, [(p / 4e4) ** 0.2 for p in cut.sizes], rtol=1e-6)
    assert collapse_of(cut, 0.0)[1].max() > 5 * collapse_of(ladder, 0.0)[1].max()


def test_the_alarm_sounds_for_a_fault_and_not_without():
    family = toy.train(64) / toy.train(64)[-1]
    healthy = toy.observed(toy.train(128), seed=0)
    assert np.isnan(early.alarm(early.residual(healthy, family)))
    step = healthy * np.where(toy.X > 0.6, 1.02, 1.0)
    assert 0.6 < early.alarm(early.residual(step, family)) < 0.63


def test_the_toy_family_follows_sgd_drawn_at_random():
    size, tpp, tau, peak, batch, v = 6, 600.0, 0.3, 0.3, 16, 400
    expected = toy.train(size, tpp=tpp, tau=tau, peak=peak, batch=batch)
    rng, runs, steps = np.random.default_rng(0), 400, round(size * tpp / batch)
    j = np.arange(1, v + 1)
    target, decay = j**-toy.BETA, batch / (peak * tau * size * tpp)
    theta = np.zeros((runs, size))
    losses = []
    for k in range(steps):
        gap = np.concatenate([theta - target[:size], np.broadcast_to(-target[size:], (runs, v - size))], axis=1)
        losses.append(0.5 * (gap**2 / j).sum(axis=1).mean())
        z = rng.standard_normal((runs, batch, size)) / np.sqrt(j[:size])
        # what the model cannot see is one normal number an example
        unseen = rng.standard_normal((runs, batch)) * np.sqrt((target[size:] ** 2 / j[size:]).sum())
        error = np.einsum("rbd,rd->rb", z, theta - target[:size]) - unseen
        eta = peak * (1 - k / steps)
        theta = theta - eta * np.einsum("rb,rbd->rd", error, z) / batch - eta * decay * theta
    x = np.arange(steps) / steps
    beyond = 0.5 * (v + 0.5) ** (-2 * toy.BETA) / (2 * toy.BETA)  # of the modes that were not drawn
    at = (toy.X > 0.1) & (toy.X < 0.99)
    np.testing.assert_allclose(np.interp(toy.X, x, losses)[at] + beyond, expected[at], rtol=0.06)


def test_fixed_ratios_collapse_and_varying_ones_do_not():
    def deviation(losses):
        l = np.stack([loss / loss[-1] for loss in losses])[:, 20]
        return l.std(ddof=1) / l.mean()

    fixed = deviation([toy.train(s) for s in (64, 128, 256)])
    varying = deviation([toy.train(s, tpp=toy.TPP * (128 / s) ** 0.5) for s in (64, 128, 256)])
    assert varying > 4 * fixed


@pytest.mark.published
def test_published_tables_take_the_place_of_the_own(tmp_path, published):
    folder = tmp_path / "curves"
    folder.mkdir()
    for name in ("qiu_mlp_linear", "qiu_mlp_const"):
        shutil.copy(published(name), folder)
    first, fourth, sixth = draw_figures(["fig01c", "fig04", "fig06"], tmp_path / "out", curves=folder, fast=True)
    assert first.files
    assert fourth.files
    assert "qiu_cifar5m_schedules.parquet" in sixth.skipped
    tables = Tables.at(folder)
    (mlp,) = tables.families("fig01c", ("decay",))
    assert mlp is FAMILIES[-1]
    x, delta, sigma = collapse_of(tables.ladder(mlp, "decay"), tables.offset(mlp, fast=True))
    late = x >= 0.8
    assert 0.3 < np.mean(delta[late] / sigma[late]) < 0.45  # 0.39 by docs


def test_a_folder_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="figures needs --curves as a folder"):
        Tables.at("/nowhere/at/all")


if __name__ == "__main__":
    import tempfile

    THUMBNAILS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for d in draw_figures(sys.argv[1:], Path(folder), fast=True):
            print(d.name, d.skipped or "drawn")
            for file in d.files:
                thumbnail(file).save(THUMBNAILS / file.name, optimize=True)
