"""The page in a real browser: both sliders move, and its Delta and sigma are Python's."""

from dataclasses import replace

import numpy as np
import pytest
from validation_ladders import GAMMA, KAPPA, L0, decayed, overtrained

from scaling_collapse.empirical import validate, write_curves
from scaling_collapse.empirical.validation.page_data import recut_horizons
from scaling_collapse.theory import Ladder, ScalingLaw, collapse_deviation, losses_on_grid, noise_floor, normalize

POSITIONS = (120, 437, 880)


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
    """The panel of that name, unfolded."""
    found = next(
        p for p in opened.find_elements("css selector", ".panel") if p.find_element("tag name", "h3").text == name
    )
    opened.execute_script("arguments[0].open = true", found)
    return found


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
    for verdict, n in validation.counts.items():
        assert len(opened.find_elements("css selector", f"tr.{verdict.replace(' ', '-')}")) == n
        assert f"{verdict}: {n}" in opened.find_element("id", "counts").text


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


@pytest.fixture
def sized(opened, resized):
    """The opened page at a width and in a colour scheme."""
    return resized


@pytest.mark.parametrize("width", [1280, 420, 390])
def test_the_page_is_short_and_as_wide_as_its_window_before_one_unfolds(sized, width):
    seen = sized(width)
    assert seen.execute_script("return document.documentElement.scrollHeight") < 4000
    assert seen.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1280, 420])
def test_what_does_not_hold_comes_first_with_its_verdict_in_sight(sized, width, validation):
    seen = sized(width)
    worst = next(v for v in ("does not hold", "undecided", "holds") if validation.counts[v])
    rows = [r for r in seen.find_elements("css selector", "#rows tbody tr") if r.is_displayed()]
    assert 0 < len(rows) <= 10
    for row in rows:
        verdict = row.find_element("css selector", "td.is .verdict")
        assert worst in verdict.text
        left, right = verdict.rect["x"], verdict.rect["x"] + verdict.rect["width"]
        assert 0 <= left < right <= width


def test_links_unfold_what_they_lead_to(opened, validation):
    assert validation.counts["not applicable"]
    for link, target in (("#counts a.not-applicable", "not-applicable"), ("nav a[href='#panel-1']", "panel-1")):
        assert not opened.find_element("id", target).get_property("open")
        opened.find_element("css selector", link).send_keys("\ue007")  # the enter key
        opened.execute_async_script("setTimeout(arguments[0], 50)")
        assert opened.find_element("id", target).get_property("open")
        assert opened.execute_script("return document.activeElement.parentElement.id") == target


def test_every_control_is_reached_by_keys_and_has_a_name(opened):
    opened.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    controls = [c for c in opened.find_elements("css selector", "input, button, summary, a") if c.is_displayed()]
    assert {c.tag_name for c in controls} == {"input", "button", "summary", "a"}
    for control in controls:
        assert control.accessible_name
        opened.execute_script("arguments[0].focus()", control)
        assert opened.switch_to.active_element == control
    names = [c.accessible_name for c in controls if c.tag_name == "button"]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_picture_is_empty(sized, scheme):
    """Besides grid, ticks and frame: in the inner part of every picture there are pixels of a colour of their own."""
    seen = sized(1000, scheme)
    seen.execute_script("document.querySelectorAll('.panel').forEach((d) => { d.open = true; })")
    seen.execute_async_script("setTimeout(arguments[0], 200)")
    background, marks = seen.execute_script(
        """return [getComputedStyle(document.body).backgroundColor,
             [...document.querySelectorAll('canvas')].map((c) => {
             const data = c.getContext('2d').getImageData(70, 40, c.width - 90, c.height - 90).data;
             let vivid = 0;
             for (let i = 0; i < data.length; i += 4) {
               const rgb = data.slice(i, i + 3);
               if (data[i + 3] > 200 && Math.max(...rgb) - Math.min(...rgb) > 60) vivid++;
             }
             return vivid;
           })]"""
    )
    assert sum(map(int, background[4:-1].split(","))) < 150 if scheme == "dark" else background == "rgb(255, 255, 255)"
    assert len(marks) >= 8
    assert min(marks) > 100
