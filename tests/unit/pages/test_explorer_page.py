"""What the Explorer derives from stored maps as people choose: measure, level and noise levels; probes, old files."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pages.figures.quantities import INDEX, QUANTITIES, written
from store import hdf5, settings
from store.catalogue import Catalogue, Filter
from store.records import PairResult, RunRecord
from tests import synthetic
from tests.conftest import ROOT

LINK = {"model": "embedded", "prompt": "a female doctor", "pair": "female+doctor", "mode": "cpid", "seed": "2"}
RARE = synthetic.record("a rare word", ("rare", "word"), surprisals=(1.0, 3.0))
PROBED = synthetic.record("a doctor", ("male", "doctor"), probe=True)
UNKNOWN = "\u00b1 ? \u2020"


def doubtful() -> RunRecord:
    """A record with half of its information in context at the cleanest levels, evaluations made again, no attention."""
    record = synthetic.record("a late female doctor")
    (pair,) = record.pairs
    rough = pair.information["cpid"]
    curve = np.nan_to_num(rough.curve)
    curve[:, -1] = curve.sum(1)
    information = pair.information | {"cpid": replace(rough, curve=curve)}
    return replace(record, pairs=(replace(pair, information=information, retried=3, baselines={}),))


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A store with a prompt for each question: an ordinary one, with surprisals, a probe, and not to be trusted."""
    root = tmp_path_factory.mktemp("store")
    for record in (synthetic.record("a green apple", ("green", "apple"), together=0.7), RARE, PROBED, doubtful()):
        hdf5.publish(root, record)
    hdf5.publish(root, synthetic.record())
    return root


@pytest.fixture
def explorer(opened, store):
    """Opens the Explorer at LINK with changes."""

    def at(root=store, **changes: str):
        return opened("explorer.py", root, **(LINK | changes))

    return at


def stored(root: Path, record: RunRecord) -> PairResult:
    """The pair of `record` as the store gives it back."""
    return hdf5.read(hdf5.path_of(root, record.key), record.pairs[0].pair.name).pairs[0]


def test_a_link_shows_the_totals_of_the_file(explorer, store):
    page = explorer()
    decomposition = stored(store, synthetic.record()).decomposition("cpid")
    for name, quantity in QUANTITIES.items():
        estimate = quantity.of(decomposition)
        assert page.total(name, "CPID, seed 2") == written(estimate.total[2], estimate.total_se[2])
        assert page.total(name, "CPID, mean") == written(*estimate.mean())
    assert page.address == LINK


def test_the_store_that_ships_shows_the_totals_of_its_files(explorer, tmp_path):
    root = shutil.copytree(settings.DEMO_STORE, tmp_path / "demo")
    page = explorer(root)
    (path,) = {entry.path for entry in Catalogue(root).entries(Filter(prompt=LINK["prompt"], run=page.address["run"]))}
    assert hdf5.problems(path) == []
    redundancy = hdf5.read(path).result(("female", "doctor")).decomposition("cpid", "aligned")["redundancy"]
    assert page.total("redundancy", "CPID, mean") == written(*redundancy.mean())


def test_the_first_seed_shows_what_the_prompt_names_and_others_are_marked(opened, demo_store):
    asked = {"model": "embedded", "prompt": "a dog and a banana", "pair": "dog+banana"}
    page = opened("explorer.py", demo_store, **asked)
    assert page.address["seed"] == "2" and "Not what the prompt names" not in page.said
    page.go("explorer.py", **asked, seed="1")
    assert "Not what the prompt names: this image shows dog and giraffe" in page.said


def test_another_prompt_is_shown_in_the_same_mode_and_seed(explorer):
    page = explorer().choose("Prompt", "a green apple")
    assert "Synergy is below zero" in page.said
    assert page.address == LINK | {"prompt": "a green apple", "pair": "green+apple"}


def test_the_view_survives_a_visit_to_another_page(explorer):
    page = explorer(unit="bits").go("method.py")
    assert "What the numbers mean" in page.said
    page.go("explorer.py")
    assert "All maps of seed 2, CPID, in context" in page.said
    assert page.address == LINK | {"unit": "bits"}


def test_the_measure_of_the_sidebar_acts_at_once(explorer, store):
    pair, page = stored(store, synthetic.record()), explorer()
    for measure in ("aligned", "mmi", "ccs"):
        page.choose("Redundancy measure", measure)
        found = pair.decomposition("cpid", measure)
        assert f"redundant ({measure})" in page.row("R").name.replace("\\", "")
        for name in ("redundancy", "unique_first", "synergy"):
            assert page.total(name, "CPID, mean") == written(*QUANTITIES[name].of(found).mean())
        np.testing.assert_allclose(page.overlay(), found["redundancy"].map[2], rtol=1e-5)
        assert page.address == (LINK if measure == "aligned" else LINK | {"measure": measure})
    (offered,) = (each.options for each in page.app.button_group if each.label == "Redundancy measure")
    assert "pm" not in offered


def test_a_measure_that_needs_surprisals_is_offered_where_they_are(explorer, store):
    page = explorer(prompt="a rare word", pair="rare+word").choose("Redundancy measure", "pm")
    found = stored(store, RARE).decomposition("cpid", "pm")["redundancy"]
    assert page.total("redundancy", "CPID, mean") == written(*found.mean())
    page = explorer(measure="pm")
    assert "pm needs the surprisal of each word, which this pair lacks: aligned is" in page.said
    assert "redundant (aligned)" in page.row("R").name.replace("\\", "")


def test_levels_are_named_and_not_mixed_up(explorer, store):
    pair, page = stored(store, synthetic.record()), explorer().choose("Level of the totals", "image")
    assert page.totals.index.name == "Total in nats, image level"
    assert "Image level: the information of all pixels is added up first" in page.said
    found = pair.decomposition("cpid", level="image")["redundancy"]
    assert page.total("redundancy", "CPID, seed 2") == written(found.total[2], found.total_se[2])
    page.choose("Level of the totals", "prompt")
    assert page.totals.index.name == "Total in nats, prompt level"
    assert not any("seed 2" in column for column in page.totals)
    found = pair.decomposition("cpid", level="prompt")
    assert page.total("redundancy", "CPID, all seeds") == written(*found["redundancy"].mean())
    assert page.row(INDEX)["CPID, all seeds"] == written(*found["alignment"].mean(), kept=1)
    assert page.address == LINK | {"level": "prompt"}
    assert "All maps of seed 2, CPID, in context" in page.said


def test_maps_of_a_band_of_noise_levels_leave_the_totals(explorer, store):
    pair = stored(store, synthetic.record())
    before = explorer(quantity="both").total("both", "CPID, mean")
    page = explorer(quantity="both", band="3")
    assert "CPID, in context, log SNR 0.0 to 3.0" in page.said
    assert sum(trace["type"] == "heatmap" for trace in page.figure("strip")["data"]) == 7
    np.testing.assert_allclose(page.overlay(), pair.information["cpid"].bands["both"][2, 3], rtol=1e-5)
    assert page.total("both", "CPID, mean") == before
    assert "\u00b1" not in page.figure("overlay")["data"][-1]["hovertemplate"]


def test_a_threshold_hides_what_is_weak_and_both_modes_stand_on_one_scale(explorer, store):
    page = explorer(quantity="both", threshold="60").choose("Maps of", "both")
    limits = {page.figure(key)["layout"]["coloraxis"]["cmax"] for key in ("overlay", "strip", "beside")}
    assert len(limits) == 1
    maps = stored(store, synthetic.record()).decomposition("cpid")["both"].map[2]
    shown = np.isfinite(page.overlay().astype(float))
    np.testing.assert_array_equal(shown, maps >= 0.6 * limits.pop())
    assert 0 < shown.sum() < maps.size
    assert "PID, isolated" in page.said and page.address["maps"] == "both"


def test_attention_is_drawn_without_unit_and_error(explorer, store):
    page = explorer(quantity="attention_second", unit="bits")
    assert "A2: attention to 'doctor'." in page.said
    np.testing.assert_allclose(page.overlay(), stored(store, synthetic.record()).attention[2, 1], rtol=1e-5)
    hover = page.figure("overlay")["data"][-1]["hovertemplate"]
    assert "bits" not in hover and "\u00b1" not in hover


def test_a_probe_opens_by_link(explorer):
    about = {"prompt": "a doctor", "mode": "pid", "quantity": "attention_first"}
    page = explorer(**about, pair="male+doctor")
    assert "The words need not stand in the prompt" in page.said
    assert next(each for each in page.app.selectbox if each.label == "Pair of words").options == [
        "male + doctor (probe)"
    ]
    assert next(each for each in page.app.button_group if each.label == "Mode").options == ["PID, isolated"]
    assert "R: redundant" in page.said  # as it has no attention
    assert "--probe old doctor" in explorer(**about, pair="old+doctor").said


def test_a_file_of_the_first_format_opens_with_the_errors_that_it_states(explorer, tmp_path):
    archive = ROOT / "tests" / "archives" / "format_1.h5"
    record = hdf5.read(archive)
    path = hdf5.path_of(tmp_path / "store", record.key)
    path.parent.mkdir(parents=True)
    shutil.copy(archive, path)
    page = explorer(tmp_path / "store", seed="1", measure="mmi")
    found = record.pairs[0].decomposition("cpid")
    for name, quantity in QUANTITIES.items():
        shown = page.total(name, "CPID, mean")
        assert shown == written(*quantity.of(found).mean()) and "?" not in shown
    assert "this error is not in the file" in page.said  # of the alignment
    assert not any(each.label.startswith("Noise levels") for each in page.app.select_slider)
    assert "\u00b1" not in page.figure("overlay")["data"][-1]["hovertemplate"]
    page.choose("Redundancy measure", "aligned")
    assert UNKNOWN in page.row(INDEX)["CPID, mean"] and UNKNOWN in page.total("redundancy", "CPID, mean")


def test_a_condensed_pair_shows_the_totals_of_the_original(explorer, store, tmp_path):
    path = hdf5.path_of(store, synthetic.record().key)
    pair, out = stored(store, synthetic.record()), tmp_path / "small"
    list(hdf5.condense(out, {path: {"female+doctor"}}))
    page = explorer(out)
    for measure, level in (("mmi", "pixel"), ("aligned", "pixel"), ("aligned", "image")):
        page.choose("Redundancy measure", measure).choose("Level of the totals", level)
        found = pair.decomposition("cpid", measure, level)
        for name, quantity in QUANTITIES.items():
            assert page.total(name, "CPID, mean") == written(*quantity.of(found).mean())
        assert page.row("LR")["CPID, mean"] == written(*found["standard_both"].mean())
    how = [str(cell).replace("\\", "") for each in page.app.table for cell in each.value.to_numpy().ravel()]
    assert any("condensed: maps are rounded by at most 1.6% of the image's largest value" in cell for cell in how)
    assert "this error is not in the file" not in page.said
    assert sum(trace["type"] == "heatmap" for trace in page.figure("strip")["data"]) == 11
    rounded = stored(out, synthetic.record()).decomposition("cpid", "aligned")["redundancy"].map[2]
    np.testing.assert_allclose(page.overlay(), rounded, rtol=1e-5)
    assert "\u00b1" not in page.figure("overlay")["data"][-1]["hovertemplate"]


def test_what_may_be_wrong_is_said_beside_the_totals(explorer):
    page = explorer(prompt=doubtful().key.prompt)
    said = page.app.warning[0].value.replace("\\", "")
    assert "50% of the information lies at the cleanest levels measured" in said
    assert "3 evaluations were not finite and were made again in float32." in said
    said = page.choose("Mode", "pid").app.warning[0].value
    assert "cleanest" not in said and "3 evaluations were not finite" in said
    assert "No attention map was recorded: of some families it cannot be." in page.said


@pytest.mark.parametrize(
    ("change", "there"),
    [({"prompt": "a cat"}, "a green apple"), ({"pair": "doctor"}, "female+doctor"), ({"seed": "9"}, "3")],
)
def test_a_link_to_what_is_missing_says_so_and_leads_on(explorer, change, there):
    page = explorer(**change)
    ((name, value),) = change.items()
    assert f"The link names something that the store does not hold: {name} {value}" in page.said
    assert ("python -m compute run --model embedded" in page.said) == (value != "doctor")  # which is no pair
    button = next(each for each in page.app.button if each.label.replace("\\", "") == there)
    button.click()
    page.run()
    assert page.figures() == 3 and page.address[name] == there


def test_a_file_that_breaks_under_a_link_is_named(explorer, store, tmp_path):
    shutil.copytree(store / "maps", tmp_path / "maps")
    synthetic.truncate(hdf5.path_of(tmp_path, synthetic.record().key))
    said = explorer(tmp_path).said
    assert "The link names something that the store does not hold: prompt a female doctor" in said
    assert "1 file of the store cannot be used" in said


def test_a_pair_that_was_not_computed_keeps_the_page(explorer):
    page = explorer(pair="a+female", run="", seed="")
    assert "Not computed yet" in page.said and "nothing of the pair a and female" in page.said
    assert [box.value for box in page.app.selectbox if box.label == "Prompt"] == ["a female doctor"]
    assert page.choose("Pair of words", "female+doctor").figures() > 2
