"""What people meet: links that open cold, clicks that change the address, and states without results."""

import re
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlparse

import pytest
from playwright.sync_api import Page, expect

from pages.figures.quantities import QUANTITIES, written
from store import hdf5, settings
from store.catalogue import Catalogue, Entry, Filter
from tests import synthetic

LINK = {"model": "embedded", "prompt": "a female doctor", "pair": "female+doctor", "mode": "cpid", "seed": "2"}
OVERLAY = ".st-key-overlay .js-plotly-plot"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A store with two prompts."""
    root = tmp_path_factory.mktemp("store")
    hdf5.publish(root, synthetic.record())
    hdf5.publish(root, synthetic.record("a green apple", ("green", "apple"), together=0.7))
    return root


@pytest.fixture
def changing(store, tmp_path) -> Path:
    """The same, for a test that changes it."""
    shutil.copytree(store / "maps", tmp_path / "maps")
    return tmp_path


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> Path:
    """A store with 201 prompts and 804 entries."""
    root = tmp_path_factory.mktemp("long")
    assert len(list(synthetic.many(root, 201))) == 201
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


def total(page: Page, name: str, column: str) -> str:
    """A cell of the table of totals."""
    table = page.get_by_role("table").filter(has_text="Total in")
    expect(table).to_be_visible()
    headings = table.get_by_role("columnheader").all_inner_texts()
    row = table.get_by_role("row").filter(has_text=re.compile(rf"^{QUANTITIES[name].symbol}\W"))
    return row.locator("th, td").nth(headings.index(column)).inner_text()


def test_a_link_opens_cold_and_the_map_lies_exactly_on_the_image(serve, store, page: Page):
    page.goto(explorer(serve(store)))
    figures = page.locator(".js-plotly-plot")
    expect(figures).to_have_count(3)
    sound(page)
    overlay = page.locator(OVERLAY)
    expect(overlay.locator(".imagelayer image").first).to_be_visible()
    expect(overlay.locator(".heatmaplayer image").first).to_be_visible()
    decomposition = hdf5.read(hdf5.path_of(store, synthetic.record().key)).pairs[0].decomposition("cpid")
    for name, quantity in QUANTITIES.items():
        estimate = quantity.of(decomposition)
        assert total(page, name, "CPID, seed 2") == written(estimate.total[2], estimate.total_se[2])
        assert total(page, name, "CPID, mean") == written(*estimate.mean())
    assert address_of(page) == LINK
    boxes = [overlay.locator(f".{layer} image").first.bounding_box() for layer in ("imagelayer", "heatmaplayer")]
    for side in ("x", "y", "width", "height"):
        assert boxes[0][side] == pytest.approx(boxes[1][side], abs=1)
    assert boxes[0]["width"] > 300


def test_a_link_into_the_store_that_ships_opens_cold(serve, tmp_path, page: Page):
    root = shutil.copytree(settings.DEMO_STORE, tmp_path / "demo")
    page.goto(explorer(serve(root)))
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    sound(page)
    expect(page.locator(OVERLAY).locator(".heatmaplayer image").first).to_be_visible()
    wanted = Filter(prompt=LINK["prompt"], run=address_of(page)["run"])
    (path,) = {entry.path for entry in Catalogue(root).entries(wanted)}
    assert hdf5.problems(path) == []
    redundancy = hdf5.read(path).result(("female", "doctor")).decomposition("cpid", "aligned")["redundancy"]
    assert total(page, "redundancy", "CPID, mean") == written(*redundancy.mean())


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


def test_another_prompt_is_shown_in_the_same_mode_and_seed(serve, store, page: Page):
    page.goto(explorer(serve(store)))
    choose(page, "Prompt", "a green apple")
    expect(page).to_have_url(re.compile("green"))
    expect(page.get_by_text("Synergy is below zero")).to_be_visible()
    assert address_of(page) == LINK | {"prompt": "a green apple", "pair": "green+apple"}


def test_the_view_survives_a_visit_to_another_page(serve, store, page: Page):
    page.goto(explorer(serve(store), unit="bits"))
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    page.get_by_role("link", name="Method").click()
    expect(page.get_by_role("heading", name="What the numbers mean")).to_be_visible()
    sound(page)
    page.get_by_role("link", name="Explorer").click()
    expect(page.get_by_role("heading", name="All maps of seed 2, CPID, in context")).to_be_visible()
    expect(page).to_have_url(re.compile("unit=bits"))
    assert address_of(page) == LINK | {"unit": "bits"}


def test_an_empty_store_offers_the_command_and_the_demo(serve, tmp_path, page: Page):
    command = '--prompt "a female doctor" --pair female doctor --seeds 4 --store'
    for path in ("/explorer", "/"):
        page.goto(serve(tmp_path / "nothing") + path)
        expect(page.get_by_text("Nothing computed yet")).to_be_visible()
        sound(page)
        expect(page.get_by_test_id("stCode")).to_contain_text(f"python -m compute run --model embedded {command}")
        expect(page.get_by_role("button", name="Open the demo store")).to_be_visible()
    page.get_by_role("button", name="Open the demo store").click()
    expect(page).to_have_url(re.compile("store=demo"))
    expect(page.get_by_test_id("stSidebar").get_by_text("Demo store", exact=True)).to_be_visible()
    page.get_by_role("link", name="Explorer").click()
    expect(page.locator(OVERLAY).locator(".heatmaplayer image").first).to_be_visible()
    assert address_of(page)["store"] == "demo"


def test_files_that_cannot_be_used_are_named_and_the_rest_is_shown(serve, changing, page: Page):
    torn = hdf5.publish(changing, synthetic.record("a torn page", ("torn", "page")))
    synthetic.truncate(torn)
    later = hdf5.publish(changing, synthetic.record("a later page", ("later", "page")))
    synthetic.make_newer(later)
    page.goto(serve(changing))
    notice = page.get_by_test_id("stMain").get_by_test_id("stExpander")
    expect(notice).to_contain_text("2 files of the store cannot be used")
    for text in (torn.name, "`python -m store repair`", later.name, "update the software"):
        expect(notice).to_contain_text(text)
    expect(page.get_by_role("link", name="Explore", exact=False).nth(1)).to_be_visible()
    sound(page)


def test_a_file_that_breaks_under_a_link_is_named(serve, changing, page: Page):
    path = hdf5.path_of(changing, synthetic.record().key)
    synthetic.truncate(path)
    page.goto(explorer(serve(changing)))
    expect(
        page.get_by_text("The link names something that the store does not hold: prompt a female doctor")
    ).to_be_visible()
    expect(page.get_by_text("1 file of the store cannot be used")).to_be_visible()
    sound(page)


@pytest.mark.parametrize(
    ("change", "there"),
    [({"prompt": "a cat"}, "a green apple"), ({"pair": "a+doctor"}, "female+doctor"), ({"seed": "9"}, "3")],
)
def test_a_link_to_what_is_missing_says_so_and_leads_on(serve, store, page: Page, change, there):
    page.goto(explorer(serve(store), **change))
    ((name, value),) = change.items()
    expect(page.get_by_text(f"The link names something that the store does not hold: {name} {value}")).to_be_visible()
    expect(page.get_by_test_id("stCode")).to_contain_text("python -m compute run --model embedded")
    sound(page)
    page.get_by_role("button", name=there, exact=True).click()
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    assert address_of(page)[name] == there


def test_a_prompt_is_text_and_never_markup(serve, tmp_path, page: Page):
    prompt = "<b>x</b> *y*"
    hdf5.publish(tmp_path / "store", synthetic.record(prompt, ("x", "y")))
    address = serve(tmp_path / "store")
    page.goto(address)
    expect(page.get_by_test_id("stText").filter(has_text=prompt)).to_be_visible()
    page.get_by_role("link", name="Explore", exact=False).filter(has_text="arrow").click()
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    expect(page.get_by_role("combobox", name="Prompt")).to_have_value(prompt)
    assert address_of(page)["prompt"] == prompt
    expect(page.locator("b", has_text=re.compile("^x$"))).to_have_count(0)
    expect(page.locator("em", has_text=re.compile("^y$"))).to_have_count(0)


def test_the_filter_narrows_the_list_and_stands_in_the_address(serve, store, page: Page):
    page.goto(serve(store))
    expect(page.get_by_test_id("stText").filter(has_text="a green apple")).to_be_visible()
    page.get_by_label("Filter by words of the prompt").fill("DOCTOR")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stText").filter(has_text="a green apple")).to_have_count(0)
    expect(page.get_by_test_id("stText").filter(has_text="a female doctor")).to_be_visible()
    assert address_of(page) == {"model": "embedded", "filter": "DOCTOR"}


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


def named(entry: Entry) -> dict[str, str]:
    return {"prompt": entry.key.prompt, "pair": entry.pair, "mode": entry.mode}


def test_a_long_list_is_sorted_and_paged_a_link_keeps_both_and_a_row_opens_its_result(serve, long, page: Page):
    page.goto(f"{serve(long)}?model=embedded")
    expect(page.get_by_text("1\u201350 of 804")).to_be_visible()
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    choose(page, "Sort", "Largest S")
    expect(page).to_have_url(re.compile("sort=-synergy"))
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("51\u2013100 of 804")).to_be_visible()
    assert address_of(page) == {"model": "embedded", "sort": "-synergy", "page": "2"}
    page.reload()
    expect(page.get_by_text("51\u2013100 of 804")).to_be_visible()
    entry = Catalogue(long).page(sort="synergy", offset=50)[0]
    assert named(entry).items() <= address_of(open_first_row(page)).items()
    page.get_by_label("Filter by words of the prompt").fill("number 200")
    page.keyboard.press("Enter")
    expect(page.get_by_text("of 804")).to_have_count(0)
    assert address_of(page) == {"model": "embedded", "sort": "-synergy", "filter": "number 200"}
    sound(page)


def test_one_of_many_prompts_is_found_by_its_words(serve, long, page: Page):
    page.goto(f"{serve(long)}/explorer")
    prompt = Catalogue(long).values("prompt", limit=201)[-1]
    page.get_by_role("textbox", name="Find prompts").fill(prompt.rpartition(", ")[2].upper())
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)  # until the page has taken it up
    choose(page, "Prompt", prompt)
    page.wait_for_url(lambda _: address_of(page).get("prompt") == prompt)
    page.get_by_role("textbox", name="Find prompts").fill("")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Prompt")).to_have_value(prompt)
    expect(page.locator(OVERLAY)).to_have_count(1)
    sound(page)


def test_new_files_appear(serve, changing, page: Page):
    page.goto(serve(changing))
    expect(page.get_by_text("a green apple")).to_be_visible()
    hdf5.publish(changing, synthetic.record("a new thing", ("new", "thing")))
    page.get_by_role("radio", name="bits").click()
    expect(page.get_by_test_id("stText").filter(has_text="a new thing")).to_be_visible()
