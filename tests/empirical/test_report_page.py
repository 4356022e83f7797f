"""The page of `measure` in a real browser: its slider moves, and what it computes is what Python computes."""

import json
import re
from dataclasses import replace

import faulty_ladders
import numpy as np
import pytest
from selenium_keys import DOWN, LEFT, RIGHT

from scaling_collapse.empirical import measure_collapse
from scaling_collapse.empirical.collapse.collapse_at_offset import collapse_at_offset
from scaling_collapse.empirical.collapse.scale_deviation import scale_deviation
from scaling_collapse.empirical.collapse_page.report_page import LIMIT, report_page
from scaling_collapse.empirical.collapse_page.report_page_data import page_data
from scaling_collapse.theory import Ladder

POSITIONS = (180, 520, 870)
HOSTILE = (
    "</script><script>alert(1)</script>",
    "\u00e4\u202e\u8a66\n{{reasons}}",
    '<b onmouseover="x()">&\'"</b>',
    "long" * 200,
)
FAMILY = faulty_ladders.Family(sizes=5, seeds=3, span=30.0, L0=1.5, points=200)


def drawn(fault=None, family=FAMILY, seed=0):
    """The curves of a made-up ladder."""
    return faulty_ladders.draw(family, fault or faulty_ladders.Fault(name=""), seed)[0]


def ladders():
    """One ladder of each kind that the page has to deal with, and the offset to pass."""
    uneven = drawn().select(lambda c: c.seed == 0 or c.params > 2e7 or (c.params < 2e6 and c.seed == 1))
    one_seed = drawn().select(lambda c: c.seed == 0)
    high = drawn(faulty_ladders.Fault(name="", run=(2, 1, "high"), amount=0.5))
    names = dict(zip((0, 4, 7, 14), HOSTILE, strict=True))
    renamed = Ladder([replace(c, run=names.get(i, c.run)) for i, c in enumerate(high)])
    loud = drawn(faulty_ladders.Fault(name="", scatter=np.array([1, 1, 60, 1, 1])))
    two = drawn().select(lambda c: c.params < 3e6)
    short = drawn(faulty_ladders.Fault(name="", horizon=np.array([1, 1, 0.3, 1, 1])))
    return {
        "short": (short, 1.5), "healthy": (drawn(), None), "uneven": (uneven, 1.5), "one seed": (one_seed, 1.5),
        "hostile": (renamed, None), "loud": (loud, 1.5), "no offset": (two, None), "two sizes": (two, 1.4),
    }  # fmt: skip


@pytest.fixture(scope="module")
def reports():
    return {name: measure_collapse(ladder, offset=offset, draws=100) for name, (ladder, offset) in ladders().items()}


@pytest.fixture(scope="module")
def pages(reports, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for name, report in reports.items():
        (folder / f"{name}.html").write_bytes(report_page(report))
    return folder


@pytest.fixture
def opened(browser, pages):
    """Open the page of a ladder as it starts."""

    def open_page(name):
        browser.get((pages / f"{name}.html").as_uri())
        return browser

    return open_page


def state(browser):
    return browser.execute_script("return window.report.state")


def move(browser, position):
    """Move the slider as a hand would be seen to, and return what the page then shows."""
    browser.execute_script(
        "const slider = document.getElementById('offset'); slider.value = arguments[0];"
        "slider.dispatchEvent(new Event('input', {bubbles: true}));",
        position,
    )
    return state(browser)


def same(seen, report):
    """Everything the page computes, against Python's own functions at that offset."""
    kept = page_data(report).kept
    here = collapse_at_offset(kept, seen["offset"])
    assert np.abs(np.array(seen["x"]) - report.x).max() == 0
    assert np.abs(np.array(seen["delta"]) - here.delta).max() < 1e-9
    assert seen["deviation"] == pytest.approx(scale_deviation(here.normalized, kept.size_index).value, abs=1e-9)
    if np.isnan(here.floor).any():
        assert seen["floor"] is seen["sigma"] is seen["fraction"] is None
        return
    assert np.abs(np.array(seen["floor"]) - here.floor).max() < 1e-9
    assert np.abs(np.array(seen["sigma"]) - here.sigma).max() < 1e-9
    assert seen["fraction"] == pytest.approx(here.fraction, abs=1e-12)


NAMES = [name for name in ladders() if name != "no offset"]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_starts_from_the_report_and_fetches_nothing(opened, reports, name):
    browser, report = opened(name), reports[name]
    assert browser.current_url.startswith("file://")
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert browser.get_log("browser") == []
    seen = state(browser)
    assert seen["offset"] == report.offset
    assert np.abs(np.array(seen["delta"]) - report.delta).max() < 1e-9
    assert seen["deviation"] == pytest.approx(report.deviation.value, abs=1e-9)
    same(seen, report)


@pytest.mark.parametrize("name", NAMES)
def test_at_every_offset_the_page_says_what_python_says(opened, reports, name):
    browser = opened(name)
    seen = [move(browser, position) for position in POSITIONS]
    for at in seen:
        same(at, reports[name])
    assert len({round(at["offset"], 6) for at in seen}) == len({round(at["deviation"], 6) for at in seen}) == 3
    assert f"{100 * seen[-1]['deviation']:.3g} %" in browser.find_element("id", "live").text


def test_buttons_go_to_the_offsets_that_matter(opened, reports):
    browser, report = opened("healthy"), reports["healthy"]
    buttons = browser.find_elements("css selector", "#jumps button")
    for button, offset in zip(buttons[::-1], (0.0, report.curve_offset.value, report.offset), strict=True):
        move(browser, 900)
        button.click()
        assert state(browser)["offset"] == offset
        assert button.get_attribute("aria-pressed") == "true"
        same(state(browser), report)
    words = [mark.text for mark in browser.find_elements("css selector", "#marks span")]
    assert sorted(", ".join(words).split(", ")) == ["0", "curves agree best", "in use"]
    assert browser.find_element("css selector", "#marks .band").rect["width"] > 0


def test_the_first_screen_says_verdict_culprit_next_step_and_power(opened, reports):
    for name, report in reports.items():
        browser = opened(name)
        text = browser.execute_script("return document.body.innerText")
        assert browser.find_element("id", "verdict").text == report.verdict.capitalize()
        assert report.reasons[0][:60] in browser.find_element("id", "reason").text
        items = [item.text for item in browser.find_elements("css selector", "#culprits li")]
        assert len(items) == len(report.culprits)
        for item, culprit in zip(items, report.culprits, strict=True):
            assert culprit.cause in item
        assert [item.text for item in browser.find_elements("css selector", "#next li")] == list(report.next)
        assert browser.find_element("id", "power").rect["y"] < 900
        assert all(reason[-40:] in text for reason in report.reasons)
    assert "Nothing looks wrong" in opened("healthy").find_element("id", "culprits").text


def test_hostile_names_are_only_names(opened, pages, reports):
    browser = opened("hostile")
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.scripts.length") == 2
    assert not browser.find_elements("css selector", "b[onmouseover]")
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    source = (pages / "hostile.html").read_text(encoding="utf-8")
    assert "\u202e" not in source
    data = json.loads(re.search(r'id="data">(.*?)</script>', source, re.DOTALL).group(1))
    assert {HOSTILE[0], HOSTILE[2], HOSTILE[3]} <= {run["name"] for run in data["runs"]}
    # The one that was set aside is among the culprits, letter by letter.
    aside = reports["hostile"].ladder.curves[page_data(reports["hostile"]).suspects[0].index].run
    assert aside == HOSTILE[2]
    assert repr(aside) in browser.find_element("id", "culprits").text


def test_without_an_offset_the_page_says_so_and_lets_one_try(opened, reports):
    browser = opened("no offset")
    assert state(browser)["offset"] is None
    assert "nothing is normalized" in browser.find_element("id", "live").text
    notes = [note.text for note in browser.find_elements("css selector", ".chart .note")]
    assert len(notes) == 4
    assert browser.get_log("browser") == []
    seen = move(browser, 400)
    same(seen, reports["no offset"])
    browser.find_element("css selector", "#jumps button").click()
    assert state(browser)["offset"] is None


@pytest.mark.parametrize(
    ("chart", "words"),
    [("curves", ""), ("law", ""), ("delta", "floor"), ("steepness", "ln S ="), ("trend", "Slope of ln l")],
)
def test_pointing_names_run_and_point(opened, reports, chart, words):
    from selenium.webdriver import ActionChains

    browser, report = opened("healthy"), reports["healthy"]
    picture = browser.find_element("css selector", f"#{chart} svg")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", picture)
    # In the middle of the second thing that is drawn, a curve or a dot.
    place = browser.execute_script(
        """const frame = arguments[0].getBoundingClientRect();
           const drawn = [...arguments[0].querySelectorAll('g circle, g path')];
           const marks = drawn.filter((mark) => !mark.hasAttribute('visibility'));
           const mark = marks[Math.min(2, marks.length - 1)];
           const at = mark.getPointAtLength(mark.tagName === 'path' ? mark.getTotalLength() / 2 : 0);
           return [frame.left + at.x, frame.top + at.y];""",
        picture,
    )  # fmt: skip
    pointer = ActionChains(browser)
    pointer.w3c_actions.pointer_action.move_to_location(*map(round, place))
    pointer.perform()
    tip = browser.find_element("id", "tip")
    assert tip.is_displayed()
    assert words in tip.text
    if not words:
        assert any(tip.text.startswith(f"{curve.run}\n") for curve in report.ladder)
        assert "parameters, seed" in tip.text
    pointer.w3c_actions.pointer_action.move_to_location(2, 2)
    pointer.perform()
    assert not tip.is_displayed()


def test_arrow_keys_read_the_points(opened, reports):
    browser, report = opened("healthy"), reports["healthy"]
    picture = browser.find_element("css selector", "#curves svg")
    tip = browser.find_element("id", "tip")
    browser.execute_script("arguments[0].focus()", picture)
    picture.send_keys(RIGHT)
    assert report.ladder.curves[0].run in tip.text
    assert f"x = {report.x[0]:.3f}" in tip.text
    assert f"{report.normalized[0, 0]:.5g}"[:6] in tip.text
    picture.send_keys(RIGHT)
    assert f"x = {report.x[1]:.3f}" in tip.text
    picture.send_keys(DOWN)
    assert report.ladder.curves[-1].run in tip.text
    picture.send_keys(LEFT)
    assert f"x = {report.x[0]:.3f}" in tip.text
    slider = browser.find_element("id", "offset")
    before = state(browser)["offset"]
    slider.send_keys(RIGHT * 5)
    assert state(browser)["offset"] > before
    same(state(browser), report)


def test_every_control_is_reached_by_keys_and_has_a_name(opened):
    browser = opened("hostile")
    controls = browser.find_elements("css selector", "input, button, summary, svg[tabindex], .scroll")
    assert len(controls) >= 12
    for control in controls:
        assert control.accessible_name
        browser.execute_script("arguments[0].focus()", control)
        assert browser.switch_to.active_element == control


@pytest.mark.parametrize("name", ["healthy", "hostile", "one seed", "no offset"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_fits_its_window(opened, resized, name, width, scheme):
    opened(name)
    browser = resized(width, scheme)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    red, green, blue = browser.execute_script(
        "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )
    assert (red + green + blue > 700) == (scheme == "light")
    for chart in browser.find_elements("css selector", ".chart"):
        assert chart.find_elements("css selector", "svg g path, svg g circle, svg .note")
    # Labels of an axis do not run into one another, nor out of the picture.
    apart = browser.execute_script(
        """return [...document.querySelectorAll('.chart svg')].map((picture) => {
             const frame = picture.getBoundingClientRect();
             const words = [...picture.querySelectorAll(':scope > text:not(.note)')];
             const boxes = words.map((word) => word.getBoundingClientRect());
             const out = boxes.filter((b) => b.left < frame.left - 1 || b.right > frame.right + 1).length;
             const before = (a, b) => a.left < b.right - 1 && a.top < b.bottom - 3;
             const meet = (a, b) => before(a, b) && before(b, a);
             return [out, boxes.filter((a, i) => boxes.some((b, j) => j > i && meet(a, b))).length];
           })"""
    )
    assert apart == [[0, 0]] * 5


def test_leaving_one_size_out_is_told_and_the_culprit_stands_out(opened, reports):
    data, truth = page_data(reports["short"]), 1.5
    kept = data.kept.without(set(np.flatnonzero(data.kept.size_index == 2)))
    alone = scale_deviation(collapse_at_offset(kept, truth).normalized, kept.size_index).value
    assert data.without[2].value == pytest.approx(alone, abs=1e-12)
    assert min(range(5), key=lambda i: data.without[i].value) == 2
    browser = opened("short")
    assert len(browser.find_elements("css selector", "#bars .bar")) == 10
    assert [bar.text for bar in browser.find_elements("css selector", "#bars .least")] == [f"{100 * alone:.2g} %"]
    assert not opened("healthy").find_elements("css selector", "#bars .least")


@pytest.mark.slow
def test_the_page_stays_small():
    published = drawn(family=replace(FAMILY, sizes=8, seeds=5))
    assert len(report_page(measure_collapse(published, offset=1.5, draws=100))) < 400_000
    fine = measure_collapse(drawn(), offset=1.5, x=np.linspace(0.1, 1, 9_000), draws=100)
    page = report_page(fine)
    assert len(page) < LIMIT
    assert "this page carries one of 2 points of the grid" in page.decode()
    assert page_data(fine).to_json()["stride"] == 2
