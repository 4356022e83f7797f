"""Every public result: a short repr, HTML for notebooks, a picture and a table where it has them, JSON, pickles.

`EXAMPLES` has one of each class that the facades export; the first test says which classes are no results.
"""

import base64
import copy
import io
import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, is_dataclass
from functools import cache
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread
from surface_grids import grid_ladder, true_law
from synthetic import law_ladder, table_of
from validation_ladders import decayed, overtrained

import scaling_collapse as sc
from scaling_collapse import sgd_noise_model as noise
from scaling_collapse import theory
from scaling_collapse.common import Framed, InputError, Painted, Result
from scaling_collapse.empirical import trainer
from scaling_collapse.empirical.collapse.verdict import Verdict
from scaling_collapse.empirical.fits.two_term_law import fit_two_term

INPUTS = {
    "FourierTask", "InputError", "LadderFile", "Parametrization", "Problem", "RunningStatus", "Schedule", "Verdict",
}  # fmt: skip
"""Classes of the facades that are no results: what goes in."""
T = np.linspace(1e6, 1e8, 200)
DRAWN = {
    "CollapseReport", "CooldownPlan", "CoordinateCheck", "Derivation", "Extrapolation", "Forecast", "HorizonFit",
    "Ladder", "LawFit", "LossCurve", "LossSurface", "RunningForecast", "Simulation", "SurfaceExtrapolation",
}  # fmt: skip
ROWS = {
    "CollapseReport": 181, "CooldownPlan": 10, "Extrapolation": 201, "FamilyCheck": 6, "FamilyPlan": 3, "Forecast": 200,
    "HorizonFit": 9, "Ladder": 1440, "LossCurve": 60, "LossSurface": 15, "MeasurementPlan": 15, "PlannedSchedule": 799,
    "RunningForecast": 60, "Simulation": 101, "SurfaceExtrapolation": 211, "Validation": 13,
}  # fmt: skip
"""How many rows the table of an example has; what is not here has none."""


def law():
    return sc.ScalingLaw("1.69 + 410.7*t**-0.28 + 406.4*p**-0.34")


def run(name, decay):
    s = np.minimum(1.0, (1.0001e8 - T) / (decay * 1e8))
    loss = 2.0 + 0.5 * (np.cumsum(s) * (T[1] - T[0]) / 1e8) ** -0.4 - 0.1 * (1 - s)
    return sc.LossCurve(run=name, params=1e6, tokens=T, loss=loss, lr=1e-3 * s, extra={"batch_size": 8})


def calibration_runs():
    return [run("a", 1e-9), run("b", 0.2), run("c", 1.0)]


@cache
def ladder():
    mended = sc.theory.IntegrityReport(
        ("a.csv",), 1500, 1440, tuple(theory.Finding("restart", "merged", f"run {i}", "twice", 2) for i in range(30))
    )
    return sc.Ladder(law_ladder(sizes=6, seeds=4), mended)


@cache
def report():
    return sc.measure_collapse(ladder(), draws=100)


@cache
def simulation():
    return sc.simulate(noise.power_law(16, alpha=1.0, beta=0.3), "linear", steps=100, peak=0.5, batch=4)


@cache
def forecasts():
    return sc.forecast(calibration_runs(), [noise.Target.of(run("d", 0.4))])


@cache
def plan():
    return sc.plan_cooldown(calibration_runs(), 1e8, shapes=["linear"])


@cache
def admitted():
    x = np.linspace(0.1, 1, 50)
    return sc.admitted_errors(
        [
            sc.LossCurve(run=f"{p:g}", params=p, tokens=x * p, loss=1 + (x * p) ** -0.5 + p**-0.5)
            for p in np.geomspace(1e6, 1e8, 5)
        ],
        offset=1.0,
    )


@cache
def validation(folder):
    return sc.validate(sc.write_curves(overtrained(noise=1e-4), f"{folder}/past.parquet"), draws=50)


@cache
def ladder_plan():
    sizes = trainer.plan_ladder(trainer.load_ladder("demo", changes=["widths=[4, 8]", "horizon={tokens=2000}"]))
    assert isinstance(sizes, trainer.LadderPlan)
    return sizes


def coordinate_check():
    from scaling_collapse.empirical.trainer.coordinate_check import CoordinateCheck

    change = np.outer([1.0, 1.1, 0.9], [0.1, 0.2])
    return CoordinateCheck(widths=np.array([8.0, 16.0, 32.0]), hidden=change, output=2 * change)


@cache
def two_term_law():
    past = overtrained(noise=1e-4)
    return fit_two_term(past, np.array([0.1 * c[0].horizon_tokens for c in past.by_size.values()]))


def problem():
    return noise.power_law(16, alpha=1.0, beta=0.3)


EXAMPLES = {
    "AdmittedErrors": admitted,
    "Allocation": lambda: surface().optimal(1e21),
    "AllocationComparison": lambda: sc.empirical.compare_allocations(
        surface(), sc.fit_horizon(overtrained(noise=1e-4))
    ),
    "Calibration": lambda: forecasts()[0].calibration,
    "CollapseCase": lambda: sc.derive("a*t**-mu + b*p**-nu + c*t**-m*p**-n").collapse[0],
    "CollapseReport": report,
    "ComputeOptimal": lambda: sc.derive("a*t**-mu + b*p**-nu + c*t**-m*p**-n").optimal,
    "Cooldown": lambda: plan().best,
    "CooldownPlan": plan,
    "PlannedSchedule": lambda: plan().schedule,
    "CoordinateCheck": coordinate_check,
    "CurveSlopes": lambda: admitted().slopes,
    "Derivation": lambda: sc.derive(law()),
    "ErrorEstimate": lambda: admitted().gamma_error,
    "Extrapolation": lambda: extrapolation(),
    "FamilyCheck": lambda: sc.check_family(ladder(), batch=1e5, rate=1e-3, weight_decay=0.1),
    "FamilyPlan": lambda: sc.plan_family([1e5, 1e6, 1e7]),
    "Finding": lambda: ladder().integrity.findings[0],
    "Forecast": lambda: forecasts()[0],
    "FormScore": lambda: surface().scores[0],
    "HorizonFit": lambda: sc.fit_horizon(overtrained(noise=1e-4)),
    "IntegrityReport": lambda: ladder().integrity,
    "Ladder": ladder,
    "LadderPlan": ladder_plan,
    "LawFit": lambda: report().law,
    "LeftOutSize": lambda: running().left_out,
    "LossCurve": lambda: ladder().curves[0],
    "LossSurface": lambda: surface(),
    "MeasurementPlan": lambda: sc.plan_measurement(ladder()),
    "NormalizedCurve": lambda: law().normalized_curve(),
    "OptimalSchedule": lambda: optimal(),
    "Optimum": lambda: sc.derive("a*t**-mu + b*p**-nu + c*t**-m*p**-n").optimal.regions[0],
    "PhaseBoundary": lambda: theory.phase_boundary(0.7, 0.7),
    "RunningForecast": lambda: running(),
    "ScalingLaw": law,
    "SeedRuns": lambda: noise.monte_carlo(problem(), "linear", steps=50, peak=0.5, batch=4, seeds=2),
    "SeedVariance": lambda: noise.seed_variance(problem(), "linear", steps=50, peak=0.5, batch=4),
    "Simulation": simulation,
    "SurfaceExtrapolation": lambda: extrapolated_surface(),
    "SurfacePrediction": lambda: surface().predict(1e9, 2e10),
    "Target": lambda: noise.Target.of(run("d", 0.4)),
    "Targets": lambda: noise.Targets(noise.Target.of(run(f"run {i}", 0.4)) for i in range(20)),
    "Term": lambda: law().terms[0],
    "TwoTermLaw": two_term_law,
    "Validation": validation,
}
NEEDS = {"LadderPlan": "torch", "CoordinateCheck": "torch", "OptimalSchedule": "jax"}


@cache
def extrapolation():
    return sc.extrapolate(ladder(), 1e8, draws=500)


@cache
def surface():
    return sc.fit_loss_surface(grid_ladder(true_law(), point=1e-3, level=1e-3), draws=200)


@cache
def extrapolated_surface():
    return sc.extrapolate_surface(grid_ladder(true_law(), point=1e-3), 2e9, 4e10, draws=200)


@cache
def running():
    whole = ladder().curves[-1]
    some = sc.LossCurve(run="now", params=whole.params, tokens=whole.tokens[:25], loss=whole.loss[:25])
    smaller = ladder().select(lambda c: c.params < whole.params)
    return sc.forecast_running(some, smaller, horizon=whole.horizon_tokens)


@cache
def optimal():
    return noise.optimal_schedule(problem(), steps=50, batch=4, knots=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture(params=EXAMPLES)
def result(request, optional, folder):
    name = request.param
    if name in NEEDS:
        optional(NEEDS[name])
    made = EXAMPLES[name](folder) if name == "Validation" else EXAMPLES[name]()
    assert type(made).__name__ == name
    return made


def name_of(result):
    return type(result).__name__


def axes():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def reachable(value, seen):
    """Every dataclass that one can get at from a result."""
    if id(value) in seen:
        return
    seen[id(value)] = value
    if is_dataclass(value):
        yield value
        for field in fields(value):
            yield from reachable(getattr(value, field.name), seen)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from reachable(one, seen)


def test_every_class_of_the_facades_is_a_result_or_an_input():
    facades = (sc, sc.theory, sc.sgd_noise_model, sc.empirical, trainer)
    public = {name for module in facades for name in module.__all__ if isinstance(getattr(module, name), type)}
    assert public - EXAMPLES.keys() == INPUTS & public
    assert EXAMPLES.keys() - public == {"CoordinateCheck", "TwoTermLaw"}


def test_the_repr_is_short(result):
    for part in reachable(result, {}):
        text = repr(part)
        assert len(text.splitlines()) <= 8, text
        assert len(text) <= 1000, text
        assert " object at 0x" not in text, text
    assert name_of(result) in repr(result)


def test_the_html_is_well_formed_and_has_the_picture(result):
    page = result._repr_html_()
    tree = ElementTree.fromstring(page)
    assert len(page) < 1_000_000
    assert tree.findtext("p/b") == result.headline()
    assert ["".join(cell.itertext()) for cell in tree.iter("td")] == [value for _, value in result.lines()]
    images = [image.get("src").partition("base64,")[2] for image in tree.iter("img")]
    assert len(images) == (name_of(result) in DRAWN)
    for image in images:
        assert imread(io.BytesIO(base64.b64decode(image))).ndim == 3


def test_it_draws_on_the_axes_given(result):
    assert isinstance(result, Painted) == (name_of(result) in DRAWN)
    if isinstance(result, Painted):
        before, given = dict(matplotlib.rcParams), axes()
        assert result.plot(ax=given) is given
        assert given.has_data()
        assert given.get_xlabel()
        assert given.figure.axes == [given]
        given.figure.canvas.draw()
        assert dict(matplotlib.rcParams) == before


def test_it_is_a_table_of_any_kind(result, optional):
    assert isinstance(result, Framed) == (name_of(result) in ROWS)
    if isinstance(result, Framed):
        table = result.to_frame()
        assert table.num_rows == ROWS[name_of(result)]
        pandas, polars = optional("pandas"), optional("polars")
        frames = result.to_frame("pandas"), result.to_frame("polars")
        assert isinstance(frames[0], pandas.DataFrame)
        assert isinstance(frames[1], polars.DataFrame)
        for frame in frames:
            assert list(frame.columns) == table.column_names
            assert len(frame) == table.num_rows
        assert frames[1].to_dicts() == table.to_pylist()


def test_its_json_is_json(result):
    assert isinstance(result, Result)
    text = json.dumps(result.to_json(), allow_nan=False)
    assert json.loads(text)
    assert " object at 0x" not in text


def test_it_pickles_and_copies(result):
    for again in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert type(again) is type(result)
        assert again is not result
        assert repr(again) == repr(result)
        assert again.to_json() == result.to_json()


def test_results_cross_a_process_pool(folder):
    some = [ladder(), ladder().curves[0], report(), forecasts()[0], plan(), extrapolation(), sc.derive(law()),
            simulation(), admitted(), validation(folder), problem()]  # fmt: skip
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        back = list(pool.map(copy.copy, some))
    assert [repr(b) for b in back] == [repr(s) for s in some]
    assert back[-1].facts == some[-1].facts
    with pytest.raises(TypeError):
        back[-1].facts["d"] = 2  # as read-only as it was
    assert not back[1].loss.flags.writeable


# --- pictures


def test_new_axes_belong_to_a_figure_that_notebooks_show(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    before, drawn = dict(matplotlib.rcParams), report().plot()
    try:
        assert pyplot.gcf() is drawn.figure
        assert drawn.figure.dpi == 160  # the house style
        assert not drawn.spines["top"].get_visible()
        assert dict(matplotlib.rcParams) == before
    finally:
        pyplot.close(drawn.figure)


def test_a_report_draws_what_is_asked_for():
    labels = {what: report().plot(axes(), what=what).get_ylabel() for what in ("collapse", "delta", "law")}
    assert len(set(labels.values())) == 3, labels
    with pytest.raises(InputError, match=r"`what` 'collapse', 'delta', 'law' or 'trend'; got 'sigma'\. Choose one"):
        report().plot(axes(), what="sigma")


def test_a_derivation_draws_the_sizes_asked_for():
    derivation = sc.derive("t**-0.5 + p**-0.5", gamma=0.9)
    assert len(derivation.plot(axes(), sizes=[1e3, 1e5]).lines) == 3  # and the limit
    assert len(derivation.plot(axes()).lines) == 6
    with pytest.raises(InputError, match="needs numbers to be evaluated"):
        sc.derive("a*t**-0.5 + p**-0.5").plot(axes())
    with pytest.raises(InputError, match=r"one normalized curve; got several regions or none\. Give gamma"):
        sc.derive("t**-0.5 + t**-1").plot(axes())


def test_a_result_without_anything_to_draw_is_shown_without_picture():
    symbols = sc.derive("a*t**-mu + b*p**-nu")
    assert symbols.png() is None
    assert "<img" not in symbols._repr_html_()


def test_a_subclass_is_drawn_as_its_parent():
    class Mine(sc.Ladder):
        pass

    given = axes()
    assert Mine(ladder().curves).plot(given) is given


# --- reprs


def test_a_long_line_is_cut():
    long = theory.IntegrityReport(findings=(theory.Finding("restart", "merged", "run " + "1" * 500, "twice"),))
    assert [len(line) for line in repr(long).splitlines()] == [53, 112]
    assert repr(long).endswith("111...")


def test_a_long_list_of_lines_says_how_many_are_left_out():
    integrity = ladder().integrity
    assert repr(integrity).splitlines()[-1] == "  ... and 24 more lines"
    assert repr(theory.IntegrityReport()) == "IntegrityReport: 0 of 0 rows used; no repairs"


def test_the_numbers_that_count_are_in_the_repr():
    text = repr(report())
    assert f"CollapseReport: {Verdict.SUPERCOLLAPSE}" in text
    assert "irreducible loss L0" in text
    assert "90 % interval" in text
    one = "LossCurve 'p1000000-s0': 1M parameters, 60 points to 20M tokens, final loss 2.7642"
    assert repr(ladder().curves[0]) == one


def test_the_html_escapes_names():
    finding = theory.Finding("restart", "merged", "<b>&\x07</b>", "twice")  # \x07 may stand in no page
    page = theory.IntegrityReport(findings=(finding,))._repr_html_()
    assert "&lt;b&gt;&amp;&lt;/b&gt;: twice" in page
    assert ElementTree.fromstring(page).findtext(".//td") == "<b>&</b>: twice"


# --- tables


def test_the_tables_hold_the_numbers():
    table = report().to_frame()
    assert table.column_names == ["x", "delta", "delta_low", "delta_high", "sigma", "floor"]
    np.testing.assert_array_equal(table["delta"].to_numpy(), report().delta)
    found = forecasts()[0]
    table = found.to_frame()
    assert table.column_names == ["tokens", "lr", "loss", "loss_low", "loss_high"]
    np.testing.assert_array_equal(table["loss_high"].to_numpy(), found.high)
    shapes = plan().to_frame().to_pylist()
    assert shapes[0]["loss"] == plan().best.loss
    assert {row["shape"] for row in shapes} == {"linear"}


def test_what_is_unknown_is_null():
    flat = sc.measure_collapse(law_ladder(sizes=4, seeds=1), offset=2.0)
    assert flat.to_frame()["sigma"].null_count == 181


def test_a_ladder_of_unlike_runs_is_one_table():
    one = run("a", 0.2)
    two = sc.LossCurve(run="b", params=2e6, tokens=[1, 2], loss=[2, 1], seed=3, schedule="linear")
    rows = sc.Ladder([one, two]).to_frame().to_pylist()
    assert (rows[0]["batch_size"], rows[0]["seed"], rows[0]["schedule"]) == (8, None, None)
    assert (rows[-1]["batch_size"], rows[-1]["seed"], rows[-1]["lr"]) == (None, 3, None)


def test_a_kind_of_frame_that_is_not_there(monkeypatch):
    with pytest.raises(InputError, match=r"`kind` one of pyarrow, pandas, polars; got 'arrow'"):
        ladder().to_frame("arrow")
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(InputError, match=r"to_frame needs the package pandas; got none\. Run: pip install pandas$"):
        ladder().to_frame("pandas")


# --- a path or a frame in place of a ladder


@pytest.fixture(scope="module")
def path(folder):
    return sc.write_curves(ladder(), folder / "ladder.parquet")


LADDER_FUNCTIONS = {
    "measure_collapse": lambda source: sc.measure_collapse(source, draws=100),
    "fit_scaling_law": lambda source: sc.fit_scaling_law(source, draws=100),
    "extrapolate": lambda source: sc.extrapolate(source, 1e8, draws=500),
    "admitted_errors": lambda source: sc.admitted_errors(source, offset=2.0),
    "curve_slopes": lambda source: theory.curve_slopes(source, 2.0),
}


@pytest.mark.parametrize("name", LADDER_FUNCTIONS)
def test_functions_of_a_ladder_take_a_path_or_a_frame(name, path):
    call = LADDER_FUNCTIONS[name]
    expected = call(ladder()).to_json()
    expected.pop("integrity", None)
    for source in (path, str(path), [path], sc.read_curves(path).to_frame(), table_of(ladder())):
        found = call(source).to_json()
        found.pop("integrity", None)
        assert found == expected


def test_losses_and_tables_take_a_path(path, tmp_path):
    np.testing.assert_array_equal(theory.losses_on_grid(path), theory.losses_on_grid(ladder()))
    assert sc.empirical.curve_table(path).num_rows == 1440
    assert sc.write_curves(table_of(ladder()), tmp_path / "again.csv").exists()


def stopped(ladder):
    """A table of runs that stopped before the horizons that it marks: a reader that looks at these drops them."""
    frame = ladder.to_frame("pandas")
    return frame.assign(horizon_tokens=2.0 * frame["horizon_tokens"])


def test_horizons_are_fitted_to_runs_that_end_anywhere(optional):
    optional("pandas")
    past = overtrained(noise=1e-4)
    whole = sc.Ladder(sc.LossCurve(**{**vars(c), "horizon_tokens": c.tokens[-1]}) for c in past)
    assert sc.fit_horizon(stopped(whole)).to_json() == sc.fit_horizon(past).to_json()
    with pytest.raises(InputError, match="at least one usable run"):
        sc.read_curves(stopped(whole))


def test_forecasts_and_plans_take_runs_that_end_anywhere(tmp_path, optional):
    optional("pandas")
    known = tmp_path / "runs.csv"
    stopped(sc.Ladder(calibration_runs())).to_csv(known, index=False)
    wanted = sc.write_curves(sc.Ladder([run("d", 0.4)]), tmp_path / "wanted.parquet")
    (found,), (expected,) = sc.forecast(known, wanted), forecasts()
    np.testing.assert_array_equal(found.loss, expected.loss)
    assert sc.plan_cooldown(known, 1e8, shapes=["linear"]).to_json() == plan().to_json()
    assert noise.calibrate(known).to_json() == expected.calibration.to_json()


def test_what_is_no_ladder_is_refused_by_name():
    with pytest.raises(InputError, match="a ladder is needed, or curves, the path of a table, or a frame; got int"):
        sc.measure_collapse(3)
    with pytest.raises(InputError, match="got list"):
        sc.measure_collapse([])
    with pytest.raises(InputError, match=r"nowhere\.parquet"):
        sc.admitted_errors("nowhere.parquet", offset=1.0)
    assert len(decayed(seeds=1).curves) == 6
    assert sc.fit_scaling_law(list(ladder()), intervals=False).seeds == (4,) * 6
