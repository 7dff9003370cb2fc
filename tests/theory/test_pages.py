"""Pages in a real browser: nothing that axe finds, no width that is too small, all by keyboard."""

import pytest

from tests.theory.browser import launched
from tests.theory.certification.by_hand import CERTIFICATE

GRAVE = {"serious", "critical"}
# all that a keyboard has to reach
OPERABLE = "a[href], summary, select, input, [tabindex='0']"
FOCUS = "window.operable.indexOf(document.activeElement)"


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(report_page, tmp_path_factory):
    certificate = tmp_path_factory.mktemp("pages") / "certificate.html"
    CERTIFICATE.to_html(certificate)
    return {"report": report_page, "certificate": certificate}


def opened(browser, pages, kind, width=1200, scheme="light"):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(pages[kind].as_uri())
    if kind == "report":
        page.wait_for_selector("#explorer svg", timeout=60_000)
    return page


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (360, "dark")])
@pytest.mark.parametrize("kind", ["report", "certificate"])
def test_axe_finds_nothing_grave_and_nothing_sticks_out(browser, pages, kind, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = opened(browser, pages, kind, width, scheme)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = axe.Axe().run(page).response["violations"]
    said = [
        f"{each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in GRAVE
        for node in each["nodes"]
    ]
    assert not said
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.parametrize("kind", ["report", "certificate"])
def test_a_keyboard_reaches_everything_once_and_in_order(browser, pages, kind):
    page = opened(browser, pages, kind, width=360)
    number = page.evaluate(
        "(window.operable = [...document.querySelectorAll(`" + OPERABLE + "`)]"
        ".filter(each => each.checkVisibility())).length"
    )
    places = []
    for _ in range(number + 1):
        page.keyboard.press("Tab")
        places.append(page.evaluate(FOCUS))
    assert number > 10
    assert places == [*range(number), -1]
    page.close()


def test_the_first_key_leads_past_the_head_and_a_fold_opens(browser, pages):
    page = opened(browser, pages, "report")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#verdicts")
    fold = page.locator("details:has(> summary:text('More on H-anytime'))").first
    fold.locator("> summary").focus()
    page.keyboard.press("Enter")
    assert fold.evaluate("each => each.open")
    page.close()


def test_what_is_printed_is_dark_on_light(browser, pages):
    page = opened(browser, pages, "report", scheme="dark")
    shown = "getComputedStyle(document.body).color"
    assert page.evaluate(shown) == "rgb(232, 232, 232)"
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 1030, "height": 700})  # A4 on its side, within the margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 1030
    assert page.evaluate(shown) == "rgb(26, 26, 26)"
    assert page.evaluate("getComputedStyle(document.querySelector('figure img')).filter") == "none"
    assert not page.locator("#explorer").is_visible()
    folded = page.locator("details:has(> summary:text('What the words mean')) > p").first
    assert folded.evaluate("each => each.checkVisibility()"), "paper cannot be unfolded"
    assert not page.locator("td dl").first.is_visible()
    highest = "Math.max(...[...document.querySelectorAll('figure img')].map(each => each.height))"
    assert page.evaluate(highest) <= 186 / 25.4 * 96, "a figure fits on a page"
    page.close()
