"""Three walks of a review meeting through the store that ships, by clicking, from the first page on."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pages.figures.quantities import ranged
from store import settings, studies, tables
from store.catalogue import Catalogue
from tests.browser.test_bias import click, expect_rows, grouped, save, texts
from tests.browser.test_pages import address_of, noise_levels, sound
from tests.browser.test_sentences import click_point, figure_of

SEEDS = range(8)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """The store that ships."""
    return shutil.copytree(settings.DEMO_STORE, tmp_path_factory.mktemp("scenes") / "demo")


def test_gender_bias_from_the_table_to_the_images_and_a_note(serve, store, tmp_path, page: Page):
    address = serve(store)
    page.goto(address)
    page.get_by_role("link", name="Gender bias").click()
    frame = tables.of_study(Catalogue(store), studies.load("embedded-gender"), model="embedded")
    by_gap = frame["gap"].drop("average").sort_values(ascending=False).index
    expect_rows(page, ["average", *grouped(frame)])
    lines = texts(page)
    assert len(lines) == 21 and not any("\u2013" in cell.split(" ")[0] for line in lines for cell in line[:4])
    significant = {line[0] for line in lines if "*" in line[1]}
    assert significant == {name for name in frame.index if frame.at[name, ("significant", "")]} != set()
    click(page, "gap")
    expect_rows(page, ["average", *by_gap])
    click(page, "gap")
    expect_rows(page, ["average", *reversed(by_gap)])
    page.get_by_role("textbox", name="Find occupations").fill("nur")
    page.keyboard.press("Enter")
    expect_rows(page, ["average", "nurse"])
    click(page, "nurse")
    for seed in SEEDS:
        expect(page.locator(f".st-key-images-{seed} .js-plotly-plot")).to_be_visible()
    assert "nurse" in save(page, "CSV", tmp_path).read_text(encoding="utf-8-sig")
    page.keyboard.press("Escape")
    page.get_by_label("Pin a note to what is shown").fill("Every image of a male nurse has no cap")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Pin").click()
    expect(page.get_by_text("Every image of a male nurse has no cap")).to_be_visible()
    assert address_of(page) == {"model": "embedded", "sort": "gap", "filter": "nur", "subject": "nurse"}
    with page.context.browser.new_context() as elsewhere, elsewhere.new_page() as other:
        other.goto(page.url)
        expect(other.locator(".st-key-images-7 .js-plotly-plot")).to_be_visible()
        expect(other.get_by_text("Every image of a male nurse has no cap")).to_be_visible()
        expect_rows(other, ["average", "nurse"])
    page.get_by_role("radio", name="Over guidances").click()
    expect(page.get_by_text("guidance 1, 3, 32 noises an image, 95% intervals")).to_be_visible()
    sound(page)


def test_a_finding_is_doubted_counted_and_compared(serve, store, page: Page):
    page.goto(serve(store))
    page.get_by_role("link", name="Gender bias of the embedded model").click()
    expect(page.get_by_text("Measured against planted: rank correlation 0.80")).to_be_visible()
    page.get_by_role("radio", name="ccs", exact=True).click()
    expect(page.get_by_text("Upside down: where more was planted, less is measured.")).to_be_visible()
    expect(page.get_by_text("Another attribute leads under aligned 8")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("Measured against planted: rank correlation 0.80")).to_be_visible()
    page.goto(f"{serve(store)}/gender?model=embedded&subject=nurse&seed=7&failed=leave")
    expect(page.get_by_text("Not what the prompt asks for. male: female nurse, dark skin.")).to_be_visible()
    expect(page.get_by_text("14 of 320 images do not show what was asked and are left out")).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name="What the studies find")).to_be_visible()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_text("of 6 rows differ significantly")).to_be_visible()
    page.get_by_role("radiogroup", name="Seed").get_by_text("2", exact=True).click()
    expect(page).to_have_url(re.compile("seed=2"))
    expect(page.locator(".st-key-both-images .js-plotly-plot").first).to_be_visible()
    page.get_by_role("radiogroup", name="Of").get_by_text("One prompt").click()
    expect(page.get_by_text("of 9 quantities differ significantly")).to_be_visible()
    expect(page.locator(".st-key-both-images .js-plotly-plot").first).to_be_visible()
    sound(page)


def test_meanings_and_synonyms_on_one_scale(serve, store, page: Page):
    page.goto(serve(store))
    page.get_by_role("link", name="Homonyms").click()
    page.get_by_role("radio", name="keyboard", exact=True).click()
    expect(page).to_have_url(re.compile("word=keyboard"))
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    senses = tables.senses(Catalogue(store), studies.load("embedded-homonyms"), model="embedded")
    rows = senses[senses["prompt"].str.contains("keyboard")]
    assert len(rows) == 2
    for _, row in rows.iterrows():
        expect(page.get_by_text(row["prompt"], exact=True)).to_be_visible()
        nearer = f"{row['own']} of 8 nearer to images of {row['sense']}"
        expect(page.get_by_text(nearer).filter(visible=True)).to_be_visible()
        cell = ranged(*row[["synergy", "synergy_low", "synergy_high"]])
        expect(page.get_by_role("cell", name=cell).first).to_be_visible()
    overlays = page.locator("[class*=st-key-overlay-] .js-plotly-plot")
    expect(overlays).to_have_count(2)
    whole = overlays.first.evaluate("figure => Array.from(figure.calcdata.at(-1)[0].z.flat())")
    noise_levels(page).press("ArrowRight")
    expect(page).to_have_url(re.compile("band=0"))
    expect(page.get_by_text("Maps show the chosen noise levels only")).to_be_visible()
    expect(overlays).to_have_count(2)
    assert overlays.first.evaluate("figure => Array.from(figure.calcdata.at(-1)[0].z.flat())") != whole

    page.get_by_role("link", name="Synonyms").click()
    expect(page.get_by_role("heading", name="The two words: car and automobile")).to_be_visible()
    expect(page.get_by_text("In 22 of 22 pairs the two words have more in common")).to_be_visible()
    click_point(page, "study", trace=0, point=1)
    expect(page.get_by_role("heading", name="The two words: bicycle and bike")).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    strips = page.locator("[class*=st-key-maps-] .js-plotly-plot")
    expect(strips).to_have_count(2)
    ends = strips.evaluate_all("figures => figures.map(figure => figure.layout.coloraxis.cmax)")
    assert ends[0] == ends[1] > 0
    strips.first.locator(".nsewdrag").first.hover()
    expect(strips.first.locator(".hoverlayer")).to_contain_text(re.compile("redundant.*nats"))
    sound(page)


def test_a_word_is_taken_out(serve, store, page: Page):
    page.goto(serve(store))
    page.get_by_role("link", name="Intervention").click()
    prompts = ("a cat and a car", "a and a car", "a dog and a car")
    for prompt in prompts:
        expect(page.get_by_role("img", name=f"Image of {prompt}, seed 4")).to_be_visible()
    images = tables.interventions(Catalogue(store), studies.load("embedded-intervention"), model="embedded")
    effects = tables.effects(images).loc[("removed", "pixel", "structure"), "pearson"]
    drawn = figure_of(page, "correlations").evaluate("figure => figure.calcdata.map(trace => trace.map(one => one.x))")
    assert drawn[1] == pytest.approx(effects[list(tables.PREDICTORS)].tolist(), rel=1e-6)
    assert effects["conditional"] > effects["attention"] > 0
    page.get_by_role("radiogroup", name="Seed").get_by_text("3", exact=True).click()
    for prompt in prompts:
        expect(page.get_by_role("img", name=f"Image of {prompt}, seed 3")).to_be_visible()
    page.get_by_role("radio", name="swapped").click()
    row = images[(images["prompt"] == prompts[0]) & (images["seed"] == 3) & (images["change"] == "swapped")].iloc[0]
    said = f"swapped: changed by {row['pixels']:.3f} in pixels, {row['structure']:.3f} in structure"
    expect(page.get_by_text(said)).to_be_visible()
    expect(figure_of(page, "word-maps").locator(".heatmaplayer image")).to_have_count(8)
    sound(page)
