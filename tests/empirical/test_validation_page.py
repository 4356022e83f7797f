"""The page in a real browser: both sliders move, and its Delta and sigma are Python's."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from validation_ladders import GAMMA, KAPPA, L0, decayed, overtrained

from scaling_collapse.empirical import validate, write_curves
from scaling_collapse.empirical.validation.page_data import recut_horizons
from scaling_collapse.theory import Ladder, ScalingLaw, collapse_deviation, losses_on_grid, noise_floor, normalize

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
POSITIONS = (120, 437, 880)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium; skips where there is none, and fails in CI."""
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver") or shutil.which("chromedriver", path=os.environ.get("CHROMEWEBDRIVER", ""))
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ModuleNotFoundError:
        binary = None
    if binary is None or driver is None:
        message = "no selenium, Chromium or chromedriver (Debian: apt-get install chromium chromium-driver)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    window = webdriver.Chrome(options=options, service=Service(driver))
    yield window
    window.quit()


@pytest.fixture(scope="module")
def validation(tmp_path_factory):
    """A decayed ladder with unequal seeds, and one far past its horizons with two seeds a size."""
    folder = tmp_path_factory.mktemp("tables")
    first = decayed(fast=2e-3).select(lambda c: c.seed < 3 or c.params > 1e5)
    runs = [replace(c, seed=s, run=f"{c.run}-{s}") for s in (0, 1) for c in overtrained(noise=2e-5, seed=s)]
    tables = {"decay": first, "past": Ladder(runs)}
    paths = [write_curves(ladder, folder / f"{name}.parquet") for name, ladder in tables.items()]
    return validate(*paths, offsets={"past": L0}, draws=50)


@pytest.fixture(scope="module")
def page(validation, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "validation.html"
    path.write_bytes(validation.to_html())
    assert path.stat().st_size < 2_000_000
    return path.as_uri()


@pytest.fixture
def opened(browser, page):
    """The browser on the page as it starts: what another test has moved there is forgotten."""
    browser.get(page)
    return browser


def panel(opened, name):
    return next(
        p for p in opened.find_elements("css selector", ".panel") if p.find_element("tag name", "h3").text == name
    )


def move(opened, name, slider, position):
    """Move a slider of a panel as a hand would be seen to, and return what the page then shows."""
    control = panel(opened, name).find_element("css selector", f"input[id^={slider}]")
    opened.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}));",
        control,
        position,
    )
    assert control.get_attribute("value") == str(position)
    return state(opened, name)


def state(opened, name):
    return opened.execute_script("return window.validation.state[arguments[0]]", name)


def expect(case, offset, gamma=None):
    """Delta and sigma as Python computes them."""
    ladder = case.ladder
    if gamma is not None:
        ladder = Ladder(
            [replace(c, horizon_tokens=t) for c, t in zip(ladder, recut_horizons(case, gamma), strict=True)]
        )
    L = losses_on_grid(ladder, case.report.x)
    return collapse_deviation(normalize(L, offset), ladder.size_index), noise_floor(L, ladder.size_index, offset)


def same(seen, case, gamma=None):
    delta, sigma = expect(case, seen["offset"], gamma)
    assert np.abs(np.array(seen["delta"]) - delta).max() < 1e-9
    assert np.abs(np.array(seen["sigma"]) - sigma).max() < 1e-9
    assert np.array(seen["x"]) == pytest.approx(case.report.x, abs=0)


def test_the_page_starts_from_pythons_numbers_and_fetches_nothing(opened, validation):
    assert opened.current_url.startswith("file://")
    assert opened.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert opened.get_log("browser") == []
    for case in validation.cases:
        seen = state(opened, case.name)
        assert np.abs(np.array(seen["delta"]) - case.report.delta).max() < 1e-9
        assert np.abs(np.array(seen["sigma"]) - case.report.sigma).max() < 1e-9
    shown = [r for r in opened.find_elements("css selector", "#rows tbody tr") if r.is_displayed()]
    assert len(shown) == sum(r.verdict != "not applicable" for r in validation.rows)


def test_the_offset_slider_breaks_the_collapse_as_python_says(opened, validation):
    for case in validation.cases:
        deltas = []
        for position in POSITIONS:
            seen = move(opened, case.name, "offset", position)
            same(seen, case)
            deltas.append(np.mean(seen["delta"]))
            assert f"mean Δ = {np.mean(seen['delta'][:-1]):.3g}"[:12] in panel(opened, case.name).text
        assert len(set(np.round(deltas, 6))) == len(POSITIONS)
        panel(opened, case.name).find_element("tag name", "button").click()
        assert state(opened, case.name)["offset"] == case.offset


def test_the_gamma_slider_cuts_runs_anew_as_python_does(opened, validation):
    case = next(c for c in validation.cases if c.name == "past")
    at_start = np.mean(state(opened, "past")["delta"])
    for position in POSITIONS:
        seen = move(opened, "past", "gamma", position)
        assert abs(seen["gamma"] - case.horizon_exponent) > 0.01
        same(seen, case, gamma=seen["gamma"])
    assert np.mean(seen["delta"]) > 2 * at_start
    # Runs that end at their horizons cannot be cut anew.
    assert not panel(opened, "decay").find_elements("css selector", "input[id^=gamma]")


def test_the_gamma_slider_of_theory(opened):
    name, law = "Theory: t^-0.5 + p^-0.5", ScalingLaw("t**-0.5 + p**-0.5")
    sizes = np.array([1e1, 1e3, 1e5, 1e7, 1e9])
    assert max(state(opened, name)["delta"]) < 1e-12
    for position in POSITIONS:
        seen = move(opened, name, "gamma", position)
        kappa = float(np.exp(np.log(sizes).mean() * (1 - seen["gamma"])))  # the middle size keeps its horizon
        delta = law.normalized_curve(gamma=seen["gamma"], kappa=kappa).spread(sizes)
        assert np.abs(np.array(seen["delta"]) - delta).max() < 1e-9
        assert delta.max() > 0.01
    fitted = state(opened, "Theory: law of past")
    assert fitted["gamma"] == pytest.approx(GAMMA, abs=0.05)
    assert KAPPA > 0


def test_keys_move_a_slider(opened, validation):
    """The sliders are real: arrow keys move them and the page follows."""
    control = panel(opened, "decay").find_element("css selector", "input[id^=offset]")
    before = state(opened, "decay")["offset"]
    control.send_keys("\ue014" * 5)  # the right arrow
    seen = state(opened, "decay")
    assert seen["offset"] > before
    same(seen, next(c for c in validation.cases if c.name == "decay"))
