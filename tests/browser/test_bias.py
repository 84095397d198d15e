"""The review meeting: a bias table is sorted, searched and opened by clicking, exported, and argued about in notes."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Download, Page, expect

from pages.figures.quantities import written
from store import hdf5, tables
from store.catalogue import Catalogue, Filter
from store.notes import Notes
from tests import synthetic
from tests.browser.test_pages import address_of, sound
from tests.budget import soak

TABLE = ".st-key-bias-table .js-plotly-plot"
SMALL = {"size": 16, "grid": 8, "seeds": (0, 1, 2)}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """Four roles of the embedded model's studies of gender and skin tone."""
    root = tmp_path_factory.mktemp("bias") / "results"
    synthetic.bias(root, 4, **SMALL)
    synthetic.bias(root, 2, name="tone", **SMALL)
    return root


@pytest.fixture(scope="module")
def frame(store):
    """The gender table under the settings that pages start with."""
    from store import studies

    asked = studies.load("gender", store, "embedded")
    return tables.of_study(Catalogue(store), asked, model="embedded")


@pytest.fixture(scope="module")
def by_gap(frame) -> list[str]:
    """The rows as the page first shows them."""
    return ["average", *grouped(frame)]


def grouped(frame) -> list[str]:
    """The rows by who leads, the second attribute first, the largest gap first; what is not significant at the end."""
    rows = frame.drop("average").sort_values(("gap", ""), ascending=False, kind="stable")
    part = {"female": 0, "male": 1}
    return sorted(
        rows.index, key=lambda name: part[rows.at[name, ("largest", "")]] if rows.at[name, ("significant", "")] else 2
    )


def texts(page: Page) -> list[list[str]]:
    """What stands in the rows of the table below its heads, from left to right."""
    found = page.locator(f"{TABLE} .textpoint text").evaluate_all(
        "texts => texts.map(each => { const box = each.getBoundingClientRect();"
        " return [Math.round(box.top + box.height / 2), box.left, each.textContent] })"
    )
    rows: dict[int, list[tuple[float, str]]] = {}
    for middle, left, text in found:
        near = next((row for row in rows if abs(row - middle) < 8), middle)
        rows.setdefault(near, []).append((left, text))
    lines = [[text for _, text in sorted(rows[row])] for row in sorted(rows)]
    return lines[next((place for place, line in enumerate(lines) if line[0] == "average"), len(lines)) :]


def expect_rows(page: Page, names: list[str]) -> None:
    """Wait until the table has these rows."""
    shown: list[str] = []
    for _ in range(100):
        if page.locator(TABLE).count() == 1 and (shown := [line[0] for line in texts(page)]) == names:
            return
        page.wait_for_timeout(200)
    assert shown == names


def click(page: Page, text: str) -> None:
    """A click where `text` stands in the table."""
    expect(page.locator(TABLE)).to_have_count(1)  # while it changes, the old one is still there
    cell = page.locator(f"{TABLE} .textpoint text").filter(has_text=re.compile(rf"^\W*{text}\W*$")).first
    cell.scroll_into_view_if_needed()
    box = cell.bounding_box()
    place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*place)
    expect(page.locator(f"{TABLE} .hoverlayer")).to_contain_text(text)
    page.mouse.click(*place)


def save(page: Page, label: str, tmp_path: Path, menu: int = 0) -> Path:
    """What a button of a menu of exports downloads, once all menus are on the page."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    if not page.get_by_role("button", name=label, exact=False).first.is_visible():
        page.get_by_role("button", name="Export").nth(menu).click()
    with page.expect_download() as found:
        page.get_by_role("button", name=label, exact=False).first.click()
    return kept(found.value, tmp_path)


def kept(download: Download, tmp_path: Path) -> Path:
    path = tmp_path / download.suggested_filename
    download.save_as(path)
    return path


@soak
def test_the_table_is_read_sorted_and_searched(serve, store, frame, by_gap, page: Page):
    page.goto(f"{serve(store)}/gender")
    expect(page.get_by_role("heading", name="Gender bias of the embedded model")).to_be_visible()
    expect_rows(page, by_gap)
    for line in texts(page):
        row = frame.loc[line[0]]
        assert f"{row['gap', '']:.1f}" in line[1] and ("*" in line[1]) == bool(row["significant", ""])
        for cell, attribute in zip(line[2:], ("male", "female"), strict=False):
            assert cell.split(" ")[0] == f"{row['mean', attribute]:.1f}"
        assert line[4:6] == [f"{row['normalised', attribute]:.2f}" for attribute in ("male", "female")]
    shares = {line[0]: line[8:] for line in texts(page)}
    assert (shares["doctor"], shares["nurse"], shares["average"]) == (["0.50"], ["0.90"], [])  # nothing drawn is a role
    expect(page.get_by_text("that were taught unevenly are found")).to_be_visible()
    expect(page.get_by_text("guidance 1, 3 images of each prompt at most")).to_be_visible()
    expect(page.get_by_text("Partly computed: 24 of 320 images (8%)")).to_be_visible()
    click(page, "occupation")
    expect_rows(page, ["average", "artist", "doctor", "nurse", "teacher"])
    click(page, "occupation")
    expect_rows(page, ["average", "teacher", "nurse", "doctor", "artist"])
    assert address_of(page) == {"model": "embedded", "sort": "-occupation"}
    page.get_by_role("textbox", name="Find occupations").fill("ar T")
    page.keyboard.press("Enter")
    expect_rows(page, ["average", "artist"])
    page.go_back()
    expect_rows(page, ["average", "teacher", "nurse", "doctor", "artist"])
    page.get_by_test_id("stMain").get_by_role("radio", name="0 to 1").click()
    expect(page.locator(TABLE).filter(has_text="redundancy, 0 to 1")).to_be_visible()
    expect_rows(page, ["average", "teacher", "nurse", "doctor", "artist"])
    assert texts(page)[1][2].startswith(f"{frame['normalised', 'male']['teacher']:.3f}")
    sound(page)


@soak
def test_a_row_opens_its_images_and_the_link_opens_them_elsewhere(serve, store, by_gap, page: Page):
    page.goto(f"{serve(store)}/gender")
    expect_rows(page, by_gap)
    click(page, "nurse")
    expect(page.get_by_role("heading", name="nurse")).to_be_visible()
    for seed in SMALL["seeds"]:
        expect(page.locator(f".st-key-images-{seed} .js-plotly-plot")).to_be_visible()
    page.get_by_role("radio", name="2", exact=True).click()
    expect(page.locator(".st-key-images-0")).to_have_count(0)
    figure = page.locator(".st-key-images-2 .js-plotly-plot")
    expect(figure).to_have_count(1)  # while it changes, the old one is still there
    for attribute in ("male", "female"):
        (entry,) = Catalogue(store).page(
            Filter(study="embedded-gender", attribute=attribute, subject="nurse", mode="pid")
        )
        found = hdf5.read(entry.path, entry.pair).pairs[0].decomposition("pid", "aligned")["redundancy"]
        expect(figure).to_contain_text(f"R {written(found.total[2], found.total_se[2])}")
    scales = figure.evaluate("figure => figure.data.filter(each => each.type == 'heatmap').map(each => each.coloraxis)")
    assert scales == ["coloraxis", "coloraxis"]
    link, query = address_of(page), page.url.partition("?")[2]
    assert link == {"model": "embedded", "subject": "nurse", "seed": "2"}
    page.goto(f"{serve(store)}/gender?{query}")
    expect(page.locator(".st-key-images-2 .js-plotly-plot")).to_be_visible()
    expect_rows(page, by_gap)
    assert address_of(page) == link
    page.get_by_role("link", name="female", exact=False).filter(has_text="arrow").click()
    expect(page.get_by_role("heading", name="All maps of seed 2, PID, isolated")).to_be_visible()
    page.go_back()
    expect(page.locator(".st-key-images-2 .js-plotly-plot")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".st-key-images-2")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/gender\?model=embedded$"))
    page.go_back()
    expect(page.locator(".st-key-images-2 .js-plotly-plot")).to_be_visible()
    assert address_of(page) == link  # in one step
    sound(page)


def test_what_is_shown_is_exported_and_pinned(serve, store, frame, tmp_path, page: Page):
    page.goto(f"{serve(store)}/gender?subject=doctor&seed=1")
    expect(page.locator(".st-key-images-1 .js-plotly-plot")).to_be_visible()
    exact = save(page, "CSV", tmp_path).read_text(encoding="utf-8-sig")
    assert str(frame["mean", "male"]["doctor"]) in exact
    largest = frame["mean"].loc["doctor"].max()
    assert rf"\textbf{{{largest:.3f}}}" in save(page, "LaTeX", tmp_path).read_text(encoding="utf-8")
    with Image.open(save(page, "PNG", tmp_path)) as picture:
        assert picture.format == "PNG" and picture.width > 600
    drawn = save(page, "SVG", tmp_path).read_text(encoding="utf-8")
    assert drawn.startswith("<svg") and "measure aligned" in drawn
    expect(page.locator(TABLE)).not_to_contain_text("measure aligned")
    html = save(page, "HTML", tmp_path)
    page.keyboard.press("Escape")
    note = "<b>Look</b> at *the coat*"
    page.get_by_label("Pin a note to what is shown").fill(note)
    page.get_by_label("Your name").last.fill("Ada")
    page.get_by_role("button", name="Pin").click()
    expect(page.get_by_test_id("stText").filter(has_text=note)).to_be_visible()
    with page.expect_download() as found:
        page.get_by_role("button", name="Report of 1 pinned view").click()
    report = kept(found.value, tmp_path)
    ((stored, _),) = Notes(store).pinned()
    assert (stored.text, stored.author) == (note, "Ada")
    page.goto(f"{page.url.partition('?')[0]}?subject=nurse")
    expect(page.get_by_text("Nobody has written one yet.")).to_be_visible()
    page.context.set_offline(True)
    for path, figures in ((html, 1), (report, 2)):
        page.goto(path.as_uri())
        expect(page.locator(".js-plotly-plot")).to_have_count(figures)
        expect(page.locator(".js-plotly-plot").first).to_contain_text("doctor")
    expect(page.locator(".note")).to_have_text(note)
    view = re.compile("/gender.model=embedded&.*subject=doctor&seed=1")
    expect(page.get_by_role("link")).to_have_attribute("href", view)


@soak
def test_the_embedded_model_is_asked_about_skin_tones_also_without_any_named(serve, store, page: Page):
    page.goto(f"{serve(store)}/ethnicity?table=neutral")
    expect(page.get_by_role("heading", name="Skin tones of the embedded model")).to_be_visible()
    expect(page.locator(TABLE).filter(has_text="contrast, nats")).to_be_visible()
    assert {line[0] for line in texts(page)} == {"average", "doctor", "nurse"}
    assert len(texts(page)[0]) == 2 + 3  # name and q; the contrast of each
    click(page, "nurse")
    expect(page.locator(".st-key-images-0 .js-plotly-plot")).to_contain_text("light skin: R")
    sound(page)
