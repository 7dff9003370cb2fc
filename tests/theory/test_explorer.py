"""The chart of a report, in a real browser: what is shown is the study's, whatever is chosen."""

import numpy as np
import pytest

from tests.theory.browser import launched
from tunebound.theory.engine.reporting import in_words
from tunebound.theory.engine.setting import find_setting

DOTS = "#explorer .concat_0_layer_1_marks path"
CURVES = "#explorer .concat_1_layer_0_marks"


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture
def page(browser, report_page):
    opened = browser.new_page(viewport={"width": 1200, "height": 1000})
    wrong = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on(
        "request", lambda request: wrong.append(request.url) if "http" in request.url else None
    )
    opened.goto(report_page.as_uri())
    opened.wait_for_selector("#explorer svg", timeout=60_000)
    yield opened
    opened.close()
    assert not wrong, "the page works without a network"


def choose(page, name, value):
    """In the menu or on the slider of that name."""
    control = page.locator(f"#explorer [name={name}]")
    if control.get_attribute("type") == "range":
        control.fill(value)
    else:
        control.select_option(value)
    page.wait_for_timeout(300)


def dots(page):
    """What every point says of itself to a screen reader."""
    said = page.locator(DOTS).evaluate_all("each => each.map(e => e.getAttribute('aria-label'))")
    return [dict(part.split(": ", 1) for part in each.split("; ")) for each in said]


def test_a_point_tells_the_data_set_and_the_slider_moves_along_its_run(page, results):
    rows = results.rows[results.rows["theorem"] == "P-Head-certified"]
    words = in_words(results.environments, find_setting("head").factors)
    first, last = rows["steps"].min(), rows["steps"].max()
    for place, steps in (("9", last), ("0", first)):
        choose(page, "step", place)
        told = {each["data set"]: each for each in dots(page)}
        shown = rows[(rows["steps"] == steps) & (rows["measured"] > 0)]
        shown = shown.set_index(shown["environment"].map(words))
        assert set(told) == set(shown.index)
        for name, each in told.items():
            assert float(each["t"]) == pytest.approx(steps, rel=1e-5)
            assert float(each["measured"]) == pytest.approx(shown.loc[name, "measured"], rel=1e-3)
            assert float(each["bound"]) == pytest.approx(shown.loc[name, "bound"], rel=1e-3)


def test_pointing_at_a_dot_names_its_data_set(page):
    choose(page, "only0", "orthogonal")
    (said,) = dots(page)
    page.locator(DOTS).hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    values = page.locator("#vg-tooltip-element td.value").all_inner_texts()
    assert values[0] == said["data set"]
    assert said["data set"] == "orthogonal, n = 12, d = 12"


def test_one_family_can_be_left(page, results):
    everything = len(dots(page))
    choose(page, "only0", "wide")
    (left,) = dots(page)
    assert everything > 1
    assert left["data set"].startswith("wide")


def test_theorems_stand_beside_each_other(page, results):
    choose(page, "theorem", "H-free")
    choose(page, "beside", "H-support")
    told = dots(page)
    assert {each["theorem"] for each in told} == {"H-free", "H-support"}
    assert {each["t"] for each in told} == {"limit"}
    for name in ("H-free", "H-support"):
        rows = results.rows[results.rows["theorem"] == name]
        # what rounding may have made has no place on logarithmic axes
        rows = rows[rows["measured"] > rows["resolution"]]
        said = sorted(float(each["bound"]) for each in told if each["theorem"] == name)
        np.testing.assert_allclose(said, np.sort(rows["bound"]), rtol=1e-3)


def test_without_a_mouse_a_table_names_the_dots_that_are_shown(page):
    page.locator("#dots > summary").focus()
    page.keyboard.press("Enter")
    rows = page.locator("#dots tbody tr")

    def listed():
        return [
            dict(zip(("data set", "theorem", "t", "measured", "bound"), each, strict=False))
            for each in rows.evaluate_all(
                "all => all.map(row => [...row.cells].map(cell => cell.innerText))"
            )
        ]

    def same(one, other):
        keys = ("data set", "theorem", "t")
        assert sorted(tuple(each[key] for key in keys) for each in one) == sorted(
            tuple(each[key] for key in keys) for each in other
        )

    page.wait_for_timeout(300)
    at_the_end = listed()
    same(at_the_end, dots(page))
    assert len(at_the_end) > 1
    ratios = [float(each["measured"]) / float(each["bound"]) for each in at_the_end]
    assert ratios == sorted(ratios, reverse=True), "the nearest to a violation first"
    page.locator("#explorer [name=step]").focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(500)
    assert {each["t"] for each in listed()} == {"1"}
    same(listed(), dots(page))
    choose(page, "only0", "wide")
    assert [each["data set"].split(",")[0] for each in listed()] == ["wide"]


def test_points_that_are_drawn_around_have_their_curves(page):
    page.locator("#explorer").scroll_into_view_if_needed()
    before = page.locator(CURVES).count()
    box = max((dot.bounding_box() for dot in page.locator(DOTS).all()), key=lambda box: box["x"])
    page.mouse.move(box["x"] - 6, box["y"] - 6)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 6, box["y"] + box["height"] + 6, steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    assert 1 <= page.locator(CURVES).count() < before
