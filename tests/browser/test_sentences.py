"""What people do on the pages of studies of sentences: which meaning, the same or not, and without the word."""

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from pages.figures.quantities import ranged, written
from store import hdf5, studies, tables
from store.catalogue import Catalogue, Filter
from store.pid.information import NATS_PER_BIT
from store.studies import Study
from tests import synthetic
from tests.browser.test_pages import address_of, noise_levels, sound
from tests.budget import soak

SEEDS = (0, 1, 2)
PLOT = ".js-plotly-plot"
POINTS = "figure => figure.calcdata.map(trace => trace.map(point => point.x))"


def few(name: str, count: int) -> Study:
    """The first sentences of a study that ships."""
    asked = studies.load(name)
    field = "changes" if asked.kind == "intervention" else "sentences"
    return replace(asked, content=replace(asked.content, **{field: getattr(asked.content, field)[:count]}))


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A store with parts of three studies; of the homonyms, the last image of the second is one of the first."""
    root = tmp_path_factory.mktemp("store")
    synthetic.of_study(root, few("embedded-synonyms", 3), seeds=SEEDS)
    synthetic.of_study(root, few("embedded-intervention", 4), seeds=SEEDS)
    for number, item in enumerate(few("embedded-homonyms", 2).expand()):
        pair = item.pairs[0]
        record = synthetic.record(item.prompt, pair.words, seeds=SEEDS, labels=item.labels[pair])
        looks = [0 if seed == 2 else number for seed in SEEDS]
        latents = np.random.default_rng(number).normal(size=record.latents.shape) * 0.1
        latents += np.array(looks).reshape(-1, 1, 1, 1)
        hdf5.publish(root, replace(record, latents=latents.astype(np.float16)))
    return root


def told(page: Page, row: str) -> str:
    """What the page says in a line of a table."""
    return page.get_by_role("row").filter(has_text=row).first.inner_text()


def figure_of(page: Page, place: str) -> Locator:
    """The figure in a container; while the page is drawn anew the old one is still there."""
    figure = page.locator(f".st-key-{place} {PLOT}")
    expect(figure).to_have_count(1)
    return figure


def click_point(page: Page, place: str, trace: int, point: int) -> None:
    """Click a point of a figure where it is drawn."""
    figure = figure_of(page, place)
    expect(figure.locator(".scatterlayer .trace").nth(trace)).to_be_visible()
    figure.scroll_into_view_if_needed()
    box = figure.locator(".scatterlayer .trace").nth(trace).locator(".points path").nth(point).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


@soak
def test_which_meaning_did_it_pick(serve, store, page: Page):
    address = serve(store)
    page.goto(address)
    page.get_by_role("link", name="Homonyms").click()
    expect(page.get_by_role("heading", name="Homonyms of the embedded model")).to_be_visible()
    expect(page.get_by_text("Partly computed")).to_be_visible()
    table = tables.senses(Catalogue(store), studies.load("embedded-homonyms"), model="embedded")
    assert list(table["own"]) == [3, 2]
    overlays = page.locator(f"[class*=st-key-overlay-] {PLOT}")
    expect(overlays).to_have_count(2)
    for text in ("3 of 3 nearer to images of animal", "2 of 3 nearer to images of device"):
        expect(page.get_by_text(text)).to_be_visible()
    expect(page.get_by_text("0 this sense, 0 the other, 3 neither, of 3 images").first).to_be_visible()
    expect(page.get_by_text("2 neither", exact=True).first).to_be_visible()
    first = table.iloc[0]
    expect(page.get_by_role("cell", name=ranged(*first[["synergy", "synergy_low", "synergy_high"]]))).to_be_visible()
    scales = overlays.evaluate_all("figures => figures.map(figure => figure.layout.coloraxis.cmax)")
    assert scales[0] == scales[1] > 0
    page.get_by_role("radiogroup", name="Seed").get_by_text("1", exact=True).click()
    expect(page.get_by_text("Synergy, seed 1").first).to_be_visible()
    noise_levels(page).press("ArrowRight")
    expect(page).to_have_url(re.compile("band=0"))
    page.get_by_role("radio", name="bits").click()
    factor = 1 / NATS_PER_BIT
    in_bits = ranged(*(first[name] * factor for name in ("synergy", "synergy_low", "synergy_high")))
    expect(page.get_by_role("cell", name=in_bits)).to_be_visible()
    overlays.first.locator(".nsewdrag").hover()
    expect(overlays.first.locator(".hoverlayer")).to_contain_text(re.compile("synergy.*bits"))
    assert overlays.first.locator(".main-svg").last.evaluate("svg => getComputedStyle(svg).overflow") == "visible"
    page.get_by_role("radio", name="mouse", exact=True).click()
    expect(page).to_have_url(re.compile("word=mouse"))
    wanted = {"study": "embedded-homonyms", "mode": "cpid", "seed": "1", "band": "0", "unit": "bits"}
    assert address_of(page) == {"model": "embedded", **wanted, "word": "mouse"}
    page.go_back()
    expect(page.get_by_role("radio", name="all words")).to_be_checked()
    sound(page)
    page.get_by_role("link", name="Explore", exact=False).filter(has_text="arrow").first.click()
    expect(page.get_by_role("combobox", name="Prompt")).to_have_value("a wild mouse")


@soak
def test_do_two_words_bring_the_same(serve, store, page: Page):
    page.goto(f"{serve(store)}/synonyms?{urlencode({'model': 'embedded', 'study': 'embedded-synonyms', 'seed': 2})}")
    asked = few("embedded-synonyms", 3).content.sentences
    first = asked[0]
    pair, control = (f"{first.pair.words[0]} and {word.words[1]}" for word in (first.pair, first.control))
    expect(page.get_by_role("heading", name=f"The two words: {pair}")).to_be_visible()
    expect(page.get_by_role("heading", name=f"With the control word: {control}")).to_be_visible()
    strips = page.locator(f"[class*=st-key-maps-] {PLOT}")
    expect(strips).to_have_count(2)
    expect(strips.first.locator(".heatmaplayer image")).to_have_count(5)
    expect(strips.first.locator(".imagelayer image")).to_have_count(5)
    ends = strips.evaluate_all("figures => figures.map(figure => figure.layout.coloraxis.cmax)")
    assert ends[0] == ends[1] > 0
    (entry,) = Catalogue(store).page(Filter(prompt=first.pair.prompt, pair=first.pair.name))
    redundancy = hdf5.read(entry.path, entry.pair).pairs[0].decomposition("pid")["redundancy"]
    assert written(redundancy.total[2], redundancy.total_se[2]) in told(page, "redundant")
    assert written(*redundancy.mean()) in told(page, "redundant")
    samples = tables.samples_of(
        Catalogue(store), studies.load("embedded-synonyms"), model="embedded", mode="pid", **tables.OF_ALIGNMENT
    )
    table = tables.against_control(samples, "alignment").set_index("prompt")
    drawn = figure_of(page, "study").evaluate(POINTS)
    prompts = [sentence.pair.prompt for sentence in asked]
    np.testing.assert_allclose(drawn[0], table.loc[prompts, "mean"], rtol=1e-6)
    np.testing.assert_allclose(drawn[1], table.loc[prompts, "control_mean"], rtol=1e-6)
    page.get_by_role("radio", name="redundancy").click()
    expect(page).to_have_url(re.compile("by=redundancy"))
    expect(figure_of(page, "study").get_by_text("redundancy, nats")).to_be_visible()
    click_point(page, "study", trace=1, point=2)
    third = asked[2].pair
    expect(page.get_by_role("heading", name=f"The two words: {' and '.join(third.words)}")).to_be_visible()
    wanted = {"study": "embedded-synonyms", "mode": "pid", "seed": "2", "by": "redundancy"}
    assert address_of(page) == {"model": "embedded", **wanted, "prompt": third.prompt, "pair": third.name}
    page.reload()
    expect(page.get_by_role("heading", name=f"The two words: {' and '.join(third.words)}")).to_be_visible()
    noise_levels(page).press("ArrowRight")
    expect(page).to_have_url(re.compile("band=0"))
    expect(strips.first.locator(".heatmaplayer image")).to_have_count(3)
    sound(page)


@soak
def test_what_if_the_word_is_removed(serve, store, page: Page):
    changes = few("embedded-intervention", 4).content.changes
    change = changes[1]
    link = {"model": "embedded", "study": "embedded-intervention", "prompt": change.pair.prompt, "word": change.word}
    page.goto(f"{serve(store)}/intervention?{urlencode(link | {'seed': 1, 'mode': 'cpid'})}")
    images = tables.interventions(Catalogue(store), studies.load("embedded-intervention"), model="embedded")
    row = images[(images["prompt"] == change.pair.prompt) & (images["seed"] == 1)].set_index("change")
    for prompt in (change.pair.prompt, change.removed, change.swapped):
        expect(page.get_by_role("img", name=f"Image of {prompt}, seed 1")).to_be_visible()
    for kind in ("removed", "swapped"):
        pixels, structure = row.loc[kind, ["pixels", "structure"]]
        expect(
            page.get_by_text(f"{kind}: changed by {pixels:.3f} in pixels, {structure:.3f} in structure")
        ).to_be_visible()
    (entry,) = Catalogue(store).page(Filter(prompt=change.pair.prompt, pair=change.pair.name, mode="cpid"))
    place = ("first", "second")[change.pair.words.index(change.word)]
    given = hdf5.read(entry.path, entry.pair).pairs[0].decomposition("cpid")[f"conditional_{place}"]
    assert given.total[1] == pytest.approx(row.loc["removed", "conditional"], rel=1e-6)
    assert written(given.total[1], given.total_se[1]) in told(page, "CMI, given the rest")
    strip = figure_of(page, "word-maps")
    expect(strip.locator(".heatmaplayer image")).to_have_count(8)
    titles = strip.locator(".annotation-text").all_text_contents()
    assert titles[0] == "redundant" and titles[-2:] == ["change ofpixels", "change ofstructure"]
    effects = tables.effects(images).loc[("removed", "image", "structure"), "pearson"]
    forest = figure_of(page, "correlations")
    expect(forest).to_be_visible()
    drawn = forest.evaluate(POINTS)[0]
    np.testing.assert_allclose(drawn, effects[list(tables.PREDICTORS)], rtol=1e-6)
    expect(page.get_by_text(f"over {4 * len(SEEDS)} images of 4 prompts")).to_be_visible()
    click_point(page, "correlations", trace=1, point=3)
    expect(page).to_have_url(re.compile("predictor=redundancy"))
    expect(figure_of(page, "scatter").get_by_text("R, redundant, nats")).to_be_visible()
    click_point(page, "scatter", trace=0, point=0)
    expect(page).to_have_url(re.compile("seed=0"))
    opened = address_of(page)
    assert opened["prompt"] in {each.pair.prompt for each in changes}
    page.get_by_role("radio", name="swapped").click()
    expect(page).to_have_url(re.compile("change=swapped"))
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.go_back()
    expect(page.get_by_role("radio", name="removed")).to_be_checked()
    assert address_of(page) == opened
    sound(page)
