"""What the Explorer derives from stored maps as people choose: measure, level and noise levels; probes, old files."""

import base64
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pages.figures.quantities import INDEX, QUANTITIES, written
from store import hdf5
from store.records import PairResult, RunRecord
from tests import synthetic
from tests.browser.test_pages import LINK, OVERLAY, address_of, explorer, sound, total
from tests.conftest import ROOT

STRIP = ".st-key-strip .js-plotly-plot"
RARE = synthetic.record("a rare word", ("rare", "word"), surprisals=(1.0, 3.0))
PROBED = synthetic.record("a doctor", ("male", "doctor"), probe=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A store with a prompt for each question: an ordinary one, with surprisals, a probe, and not to be trusted."""
    root = tmp_path_factory.mktemp("store")
    for record in (synthetic.record(), RARE, PROBED, doubtful()):
        hdf5.publish(root, record)
    return root


def doubtful() -> RunRecord:
    """A record with half of its information in context at the cleanest levels, and evaluations made again."""
    record = synthetic.record("a late female doctor")
    (pair,) = record.pairs
    rough = pair.information["cpid"]
    curve = np.nan_to_num(rough.curve)
    curve[:, -1] = curve.sum(1)
    information = pair.information | {"cpid": replace(rough, curve=curve)}
    return replace(record, pairs=(replace(pair, information=information, retried=3),))


def stored(root: Path, record: RunRecord) -> PairResult:
    """The pair of `record` as the store gives it back."""
    return hdf5.read(hdf5.path_of(root, record.key), record.pairs[0].pair.name).pairs[0]


def expect_overlay(page: Page, values: np.ndarray) -> None:
    """Wait until the map over the image is that of `values`."""
    for _ in range(50):
        expect(page.locator(OVERLAY)).to_have_count(1)  # while it changes, the old one is still there
        array = page.locator(OVERLAY).last.evaluate("figure => figure.data.at(-1).z")
        drawn = np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"]).reshape(values.shape)
        if np.allclose(drawn, values, rtol=1e-5):
            return
        page.wait_for_timeout(200)
    np.testing.assert_allclose(drawn, values, rtol=1e-5)


def test_the_measure_of_the_sidebar_acts_at_once(serve, store, page: Page):
    pair = stored(store, synthetic.record())
    page.goto(explorer(serve(store)))
    for measure in ("aligned", "mmi", "ccs"):
        page.get_by_role("radio", name=measure, exact=True).click()
        expect(page.get_by_role("table").filter(has_text=f"redundant ({measure})")).to_be_visible()
        found = pair.decomposition("cpid", measure)
        for name in ("redundancy", "unique_first", "synergy"):
            assert total(page, name, "CPID, mean") == written(*QUANTITIES[name].of(found).mean())
        expect_overlay(page, found["redundancy"].map[2])
        assert address_of(page) == (LINK if measure == "aligned" else LINK | {"measure": measure})
    page.reload()
    expect(page.get_by_role("table").filter(has_text="redundant (ccs)")).to_be_visible()
    expect(page.get_by_role("radio", name="pm")).to_have_count(0)
    sound(page)


def test_a_measure_that_needs_surprisals_is_offered_where_they_are(serve, store, page: Page):
    address = serve(store)
    page.goto(explorer(address, prompt="a rare word", pair="rare+word"))
    page.get_by_role("radio", name="pm").click()
    expect(page.get_by_role("table").filter(has_text="redundant (pm)")).to_be_visible()
    found = stored(store, RARE).decomposition("cpid", "pm")["redundancy"]
    assert total(page, "redundancy", "CPID, mean") == written(*found.mean())
    page.goto(explorer(address, measure="pm"))
    expect(page.get_by_text("pm needs the surprisal of each word, which this pair lacks: aligned is")).to_be_visible()
    expect(page.get_by_role("table").filter(has_text="redundant (aligned)")).to_be_visible()
    sound(page)


def test_levels_are_named_and_not_mixed_up(serve, store, page: Page):
    pair = stored(store, synthetic.record())
    page.goto(explorer(serve(store)))
    page.get_by_role("radio", name="image", exact=True).click()
    expect(page.get_by_role("table").filter(has_text="Total in nats, image level")).to_be_visible()
    expect(page.get_by_text("Image level: the information of all pixels is added up first")).to_be_visible()
    found = pair.decomposition("cpid", level="image")["redundancy"]
    assert total(page, "redundancy", "CPID, seed 2") == written(found.total[2], found.total_se[2])
    page.get_by_role("radio", name="prompt", exact=True).click()
    table = page.get_by_role("table").filter(has_text="Total in nats, prompt level")
    expect(table).to_be_visible()
    expect(table.get_by_role("columnheader").filter(has_text="seed 2")).to_have_count(0)
    found = pair.decomposition("cpid", level="prompt")
    assert total(page, "redundancy", "CPID, all seeds") == written(*found["redundancy"].mean())
    index = table.get_by_role("row").filter(has_text="alignment, no unit")
    expect(index).to_contain_text(written(*found["alignment"].mean(), kept=1))
    assert address_of(page) == LINK | {"level": "prompt"}
    expect(page.get_by_text("All maps of seed 2, CPID, in context")).to_be_visible()


def test_the_slider_shows_the_maps_of_some_noise_levels(serve, store, page: Page):
    pair = stored(store, synthetic.record())
    page.goto(explorer(serve(store), quantity="both"))
    expect(page.locator(f"{STRIP} .heatmaplayer image")).to_have_count(11)
    before = total(page, "both", "CPID, mean")
    slider = page.get_by_role("slider", name="Noise levels, in log SNR")
    for _ in range(4):
        slider.press("ArrowRight")
        page.wait_for_timeout(250)  # so that each finds the page drawing what the one before asked for
    expect(page).to_have_url(re.compile("band=3"))
    expect(page.get_by_role("heading", name="CPID, in context, log SNR 0.0 to 3.0")).to_be_visible()
    expect(page.locator(f"{STRIP} .heatmaplayer image")).to_have_count(7)
    expect_overlay(page, pair.information["cpid"].bands["both"][2, 3])
    assert total(page, "both", "CPID, mean") == before
    page.locator(OVERLAY).locator(".nsewdrag").hover()
    expect(page.locator(f"{OVERLAY} .hoverlayer")).to_contain_text(re.compile("MI of both.*nats"))
    expect(page.locator(f"{OVERLAY} .hoverlayer")).not_to_contain_text("\u00b1")
    sound(page)


def test_attention_is_drawn_without_unit_and_error(serve, store, page: Page):
    pair = stored(store, synthetic.record())
    page.goto(explorer(serve(store), quantity="attention_second", unit="bits"))
    expect(page.get_by_text("A2: attention to 'doctor'.")).to_be_visible()
    expect_overlay(page, pair.attention[2, 1])
    page.locator(OVERLAY).locator(".nsewdrag").hover()
    hover = page.locator(f"{OVERLAY} .hoverlayer")
    expect(hover).to_contain_text("attention to 'doctor'")
    expect(hover).not_to_contain_text(re.compile("bits|\u00b1"))
    expect(page.locator(STRIP)).to_contain_text("attention to")


def test_a_probe_opens_by_link(serve, store, page: Page):
    about = {"prompt": "a doctor", "mode": "pid", "quantity": "attention_first"}
    page.goto(explorer(serve(store), **about, pair="male+doctor"))
    expect(page.get_by_text("They need not stand in the prompt")).to_be_visible()
    expect(page.get_by_role("combobox", name="Pair of words")).to_have_value("male + doctor (probe)")
    expect(page.get_by_role("radio", name="PID, isolated")).to_be_visible()
    expect(page.get_by_role("radio", name="CPID, in context")).to_have_count(0)
    expect(page.get_by_text("R: redundant")).to_be_visible()  # as it has no attention
    sound(page)
    page.goto(explorer(serve(store), **about, pair="old+doctor"))
    expect(page.get_by_test_id("stCode")).to_contain_text("--probe old doctor")


def test_a_file_of_the_first_format_opens_with_the_errors_that_it_states(serve, tmp_path, page: Page):
    archive = ROOT / "tests" / "archives" / "format_1.h5"
    record = hdf5.read(archive)
    path = hdf5.path_of(tmp_path / "store", record.key)
    path.parent.mkdir(parents=True)
    shutil.copy(archive, path)
    page.goto(explorer(serve(tmp_path / "store"), seed="1", measure="mmi"))
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    found = record.pairs[0].decomposition("cpid")
    for name, quantity in QUANTITIES.items():
        shown = total(page, name, "CPID, mean")
        assert shown == written(*quantity.of(found).mean()) and "?" not in shown
    expect(page.get_by_text("the file neither states this error")).to_be_visible()  # of the alignment
    expect(page.get_by_role("slider", name="Noise levels")).to_have_count(0)
    page.locator(OVERLAY).locator(".nsewdrag").hover()
    expect(page.locator(f"{OVERLAY} .hoverlayer")).to_contain_text("nats")
    expect(page.locator(f"{OVERLAY} .hoverlayer")).not_to_contain_text("\u00b1")
    page.get_by_role("radio", name="aligned").click()
    expect(page.get_by_role("table").filter(has_text="redundant (aligned)")).to_be_visible()
    expect(page.get_by_role("row", name=INDEX)).to_contain_text("\u00b1 ? \u2020")
    assert "\u00b1 ? \u2020" in total(page, "redundancy", "CPID, mean")
    sound(page)


def test_a_condensed_pair_shows_the_totals_of_the_original(serve, store, tmp_path, page: Page):
    path = hdf5.path_of(store, synthetic.record().key)
    pair, out = stored(store, synthetic.record()), tmp_path / "small"
    list(hdf5.condense(out, {path: {"female+doctor"}}))
    page.goto(explorer(serve(out)))
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    for measure, level in (("mmi", "pixel"), ("aligned", "pixel"), ("aligned", "image")):
        page.get_by_role("radio", name=measure, exact=True).click()
        page.get_by_role("radio", name=level, exact=True).click()
        table = page.get_by_role("table").filter(has_text=f"Total in nats, {level} level")
        expect(table.filter(has_text=f"redundant ({measure})")).to_be_visible()
        found = pair.decomposition("cpid", measure, level)
        for name, quantity in QUANTITIES.items():
            assert total(page, name, "CPID, mean") == written(*quantity.of(found).mean())
        expect(table.get_by_role("row").filter(has_text="log ratio of both")).to_contain_text(
            written(*found["standard_both"].mean())
        )
    expect(page.get_by_text("condensed: rounded by 1.6 % of the image's largest value at most")).to_be_visible()
    expect(page.get_by_text("the file neither states this error")).to_have_count(0)
    expect(page.get_by_role("slider", name="Noise levels")).to_have_count(0)
    expect(page.locator(f"{STRIP} .heatmaplayer image")).to_have_count(11)
    rounded = stored(out, synthetic.record()).decomposition("cpid", "aligned")["redundancy"].map[2]
    expect_overlay(page, rounded)
    page.locator(OVERLAY).locator(".nsewdrag").hover()
    expect(page.locator(f"{OVERLAY} .hoverlayer")).not_to_contain_text("\u00b1")
    sound(page)


def test_what_may_be_wrong_is_said_beside_the_totals(serve, store, page: Page):
    page.goto(explorer(serve(store), prompt=doubtful().key.prompt))
    warning = page.get_by_test_id("stAlert")
    expect(warning).to_contain_text("50% of the information lies at the cleanest levels measured")
    expect(warning).to_contain_text("3 evaluations were not finite and were made again in float32.")
    page.get_by_role("radio", name="PID, isolated").click()
    expect(warning).not_to_contain_text("cleanest")
    expect(warning).to_contain_text("3 evaluations were not finite")
    sound(page)
