"""The Explorer by its words and its image: chips, the matrix of all pairs, a rectangle."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pages.figures.quantities import written
from store import hdf5
from store.records import RunRecord
from tests import synthetic
from tests.browser.test_pages import LINK, OVERLAY, address_of, explorer, sound

MATRIX = ".st-key-matrix .js-plotly-plot"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A store in which all but one pair of a prompt were measured."""
    root = tmp_path_factory.mktemp("store")
    for words in (("a", "female"), ("a", "doctor"), ("female", "doctor"), ("doctor", "kitchen")):
        hdf5.publish(root, synthetic.record("a female doctor in *the* kitchen", words))
    return root


PROMPT = {"prompt": "a female doctor in *the* kitchen"}


def stored(store: Path, pair: str) -> RunRecord:
    return hdf5.read(next(iter(hdf5.paths(store))), pair)


def test_chips_and_the_matrix_choose_the_pair_and_a_rectangle_the_region(serve, store, page: Page):
    page.goto(explorer(serve(store), **PROMPT))
    chip = page.get_by_role("toolbar", name="Words of the prompt").get_by_role("button")
    expect(chip).to_have_text(["a", "female", "doctor", "in", "the", "kitchen"])
    expect(chip.nth(1)).to_have_attribute("aria-pressed", "true")
    chip.nth(0).click()
    expect(page).to_have_url(re.compile("pair=a%2Bdoctor"))
    chip.nth(5).click()
    expect(page).to_have_url(re.compile("pair=a%2Bkitchen"))
    expect(page.get_by_text("The store holds nothing of the pair a and kitchen")).to_be_visible()
    expect(page.get_by_test_id("stCode")).to_contain_text("--pair a kitchen")
    chip.nth(2).click()
    expect(page).to_have_url(re.compile("pair=doctor%2Bkitchen"))
    figure = page.locator(MATRIX)
    expect(figure.get_by_text("U: unique to the row's word")).to_be_visible()
    redundancy = stored(store, "female+doctor").pairs[0].decomposition("cpid")["redundancy"]
    values = figure.evaluate("figure => figure.calcdata[0][0].z")
    assert values[1][2] == values[2][1] == pytest.approx(redundancy.total.mean(), rel=1e-4)
    assert values[1][3] is None  # female and kitchen were not measured
    figure.scroll_into_view_if_needed()
    box = figure.locator(".subplot.xy .nsewdrag, .nsewdrag[data-subplot=xy]").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 2.5 / 4, box["y"] + box["height"] * 1.5 / 4)
    expect(page).to_have_url(re.compile("pair=female%2Bdoctor"))
    expect(page.get_by_role("combobox", name="Pair of words")).to_have_value("female + doctor")
    assert address_of(page) == LINK | PROMPT
    draw_a_rectangle_on_the_image_which_gives_the_sums_over_it(store, page)
    sound(page)


def draw_a_rectangle_on_the_image_which_gives_the_sums_over_it(store, page: Page):
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.locator(OVERLAY)).to_have_count(1)  # while it changes, the old one is still there
    page.locator(OVERLAY).scroll_into_view_if_needed()
    box = page.locator(f"{OVERLAY} .nsewdrag").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.8, steps=5)
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.995, steps=5)
    page.mouse.up()
    expect(page.get_by_role("table").filter(has_text="Sum over the region in nats, pixel level")).to_be_visible()
    left, top, right, bottom = map(int, address_of(page)["region"].split(","))
    assert (left, top, right, bottom) == pytest.approx((16, 32, 48, 64), abs=1)
    expect(page.get_by_text("sums over 64 of 256 latent pixels (25%)")).to_be_visible()
    record = stored(store, "female+doctor")
    region = record.region(left, top, right, bottom)
    found = record.pairs[0].decomposition("cpid", region=region)["redundancy"]
    cells = page.get_by_role("table").filter(has_text="Sum over the region").get_by_role("row").nth(1)
    expect(cells).to_contain_text(written(found.total[2], found.total_se[2]))
    page.get_by_role("button", name="Region").click()
    page.get_by_role("slider", name="Rows of pixels").first.press("Home")
    expect(page).to_have_url(re.compile(rf"region={left}%2C0%2C{right}%2C{bottom}"))
    page.get_by_role("button", name="Whole image").click()
    expect(page.get_by_role("table").filter(has_text="Total in nats, pixel level")).to_be_visible()
    assert address_of(page) == LINK | PROMPT
