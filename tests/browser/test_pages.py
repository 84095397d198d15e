"""What only a browser shows: links that open cold, maps on their images, Back and reload, keys and hovering."""

import re
import shutil
import socket
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlparse

import pytest
import streamlit
from playwright.sync_api import Locator, Page, expect

from pages.figures.quantities import QUANTITIES, written
from store import hdf5, settings
from store.catalogue import Catalogue, Filter
from tests import synthetic
from tests.budget import soak

LINK = {"model": "embedded", "prompt": "a female doctor", "pair": "female+doctor", "mode": "cpid", "seed": "2"}
FIGURES = ".js-plotly-plot:visible"
OVERLAY = ".st-key-overlay .js-plotly-plot"
MARKUP = "<b>x</b> *y*"
STRIP = ".st-key-strip .js-plotly-plot"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A store with three prompts."""
    root = tmp_path_factory.mktemp("store")
    hdf5.publish(root, synthetic.record())
    hdf5.publish(root, synthetic.record("a green apple", ("green", "apple"), together=0.7))
    hdf5.publish(root, synthetic.record(MARKUP, ("x", "y")))
    return root


def explorer(address: str, **changes: str) -> str:
    return f"{address}/explorer?{urlencode(LINK | changes)}"


def address_of(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def sound(page: Page) -> None:
    """The page is a whole one: sidebar, navigation, no fault."""
    expect(page.get_by_test_id("stSidebar").get_by_role("link", name="Explorer")).to_be_visible()
    expect(page.get_by_test_id("stSidebar").get_by_text("Unit", exact=True)).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def choose(page: Page, box: str, option: str) -> None:
    """Choose in a box, once the page stands still: its list closes when the page moves."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.get_by_role("combobox", name=box).scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    page.get_by_role("combobox", name=box).click()
    page.get_by_role("option", name=option, exact=True).click()


def noise_levels(page: Page) -> Locator:
    """The slider of noise levels, once the page stands still: while it is drawn anew the old one is still there."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    slider = page.get_by_role("slider", name="Noise levels, in log SNR")
    expect(slider).to_have_count(1)
    return slider


def total(page: Page, name: str, column: str) -> str:
    """A cell of the table of totals."""
    table = page.get_by_role("table").filter(has_text="Total in")
    expect(table).to_be_visible()
    headings = table.get_by_role("columnheader").all_inner_texts()
    row = table.get_by_role("row").filter(has_text=re.compile(rf"^{QUANTITIES[name].symbol}\W"))
    return row.locator("th, td").nth(headings.index(column)).inner_text()


def test_a_link_opens_cold_with_the_map_exactly_on_the_image_and_helps_lead_to_their_terms(serve, store, page: Page):
    page.goto(explorer(serve(store)))
    figures = page.locator(FIGURES)
    expect(figures).to_have_count(3)
    sound(page)
    overlay = page.locator(OVERLAY)
    expect(overlay.locator(".imagelayer image").first).to_be_visible()
    expect(overlay.locator(".heatmaplayer image").first).to_be_visible()
    found = hdf5.read(hdf5.path_of(store, synthetic.record().key)).pairs[0].decomposition("cpid")["redundancy"]
    assert total(page, "redundancy", "CPID, mean") == written(*found.mean())
    assert address_of(page) == LINK
    boxes = [overlay.locator(f".{layer} image").first.bounding_box() for layer in ("imagelayer", "heatmaplayer")]
    for side in ("x", "y", "width", "height"):
        assert boxes[0][side] == pytest.approx(boxes[1][side], abs=1)
    assert boxes[0]["width"] > 300
    level = page.get_by_test_id("stText").filter(has_text="Level of the totals")
    level.get_by_test_id("stTooltipIcon").hover()
    with page.context.expect_page() as opened:
        page.get_by_test_id("stTooltipContent").get_by_role("link", name="What is this?").click()
    expect(opened.value.get_by_role("heading", name="level", exact=True)).to_be_visible()
    assert urlparse(opened.value.url).fragment == "level"  # whether it is scrolled to depends on how fast it is drawn
    assert address_of(opened.value) == {"model": "embedded"}
    opened.value.close()


@soak
def test_a_link_into_the_store_that_ships_opens_cold(serve, tmp_path, page: Page):
    root = shutil.copytree(settings.DEMO_STORE, tmp_path / "demo")
    page.goto(explorer(serve(root)))
    expect(page.locator(FIGURES)).to_have_count(3)
    sound(page)
    expect(page.locator(OVERLAY).locator(".heatmaplayer image").first).to_be_visible()


def test_clicks_change_the_address_which_back_and_reload_follow(serve, store, page: Page):
    page.goto(explorer(serve(store)))
    page.get_by_role("radio", name="PID, isolated").click()
    expect(page).to_have_url(re.compile("mode=pid"))
    page.get_by_role("button", name="Seed 1", exact=True).click()
    expect(page).to_have_url(re.compile("seed=1"))
    page.get_by_role("radio", name="bits").click()
    expect(page).to_have_url(re.compile("unit=bits"))
    page.get_by_role("radio", name="U2", exact=True).click()
    expect(page).to_have_url(re.compile("quantity=unique_second"))
    view = address_of(page)
    assert view == LINK | {"mode": "pid", "seed": "1", "unit": "bits", "quantity": "unique_second"}
    expect(page.get_by_text("U2: unique to 'doctor'")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("R: redundant")).to_be_visible()
    assert address_of(page) == {name: value for name, value in view.items() if name != "quantity"}
    page.go_forward()
    expect(page.get_by_text("U2: unique to 'doctor'")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="All maps of seed 1, PID, isolated")).to_be_visible()
    expect(page.get_by_text("U2: unique to 'doctor'")).to_be_visible()
    expect(page.get_by_role("table").filter(has_text="Total in bits, pixel level")).to_be_visible()
    assert address_of(page) == view
    page.locator(OVERLAY).locator(".nsewdrag").hover()
    expect(page.locator(f"{OVERLAY} .hoverlayer")).to_contain_text(re.compile("unique to 'doctor'.*bits"))


@soak
def test_keys_move_the_slider_of_noise_levels_and_hovering_reads_the_map(serve, store, page: Page):
    page.goto(explorer(serve(store), quantity="both"))
    expect(page.locator(f"{STRIP} .heatmaplayer image")).to_have_count(11)
    slider = noise_levels(page)
    for _ in range(4):
        slider.press("ArrowRight")
        page.wait_for_timeout(250)  # so that each finds the page drawing what the one before asked for
    expect(page).to_have_url(re.compile("band=3"))
    expect(page.get_by_role("heading", name="CPID, in context, log SNR 0.0 to 3.0")).to_be_visible()
    expect(page.locator(f"{STRIP} .heatmaplayer image")).to_have_count(7)
    page.locator(OVERLAY).locator(".nsewdrag").hover()
    expect(page.locator(f"{OVERLAY} .hoverlayer")).to_contain_text(re.compile("MI of both.*nats"))
    expect(page.locator(f"{OVERLAY} .hoverlayer")).not_to_contain_text("\u00b1")
    sound(page)


def open_first_row(page: Page) -> Page:
    """What a click on the first row of the table opens."""
    table = page.get_by_test_id("stDataFrame")
    table.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)  # the canvas says nothing about being drawn
    first = {"x": 22, "y": 50}
    table.hover(position=first)
    with page.context.expect_page() as opened:
        table.click(position=first)
    expect(opened.value.locator(OVERLAY)).to_have_count(1)
    return opened.value


def test_a_row_of_the_list_opens_its_result_whose_prompt_is_text_and_never_markup(serve, store, page: Page):
    page.goto(f"{serve(store)}?model=embedded&filter=x+y")
    expect(page.get_by_test_id("stText").filter(has_text=MARKUP).first).to_be_visible()
    opened = open_first_row(page)
    entry = Catalogue(store).page(Filter(prompt=MARKUP))[0]
    assert {"prompt": MARKUP, "pair": entry.pair, "mode": entry.mode}.items() <= address_of(opened).items()
    expect(opened.locator(FIGURES)).to_have_count(3)
    expect(opened.get_by_role("combobox", name="Prompt")).to_have_value(MARKUP)
    expect(opened.locator("b", has_text=re.compile("^x$"))).to_have_count(0)
    expect(opened.locator("em", has_text=re.compile("^y$"))).to_have_count(0)
    opened.close()


def test_a_browser_that_takes_nothing_does_not_keep_the_dashboard_from_ending(serve, store):
    address = urlparse(serve(store))
    scripts = (Path(streamlit.__file__).parent / "static" / "static" / "js").iterdir()
    largest = max(scripts, key=lambda script: script.stat().st_size).name
    with socket.socket() as tab:
        tab.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        tab.connect((address.hostname, address.port))
        tab.sendall(f"GET /static/js/{largest} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        assert tab.recv(1)
        serve.stop()
