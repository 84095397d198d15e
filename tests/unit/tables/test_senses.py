"""Which meaning images have: on latents and information where the answer was planted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from store import hdf5, studies, tables
from store.catalogue import Catalogue
from store.errors import InputError
from store.records import Label, RunRecord
from store.tables.senses import NOT_TAKEN, PARTLY, TAKEN, UNTOLD
from tests import synthetic

SENTENCES = {  # prompt -> context, sense
    "a wild mouse": ("wild", "animal"),
    "a computer mouse": ("computer", "device"),
    "an archery bow": ("archery", "weapon"),
}
HOMONYMS = studies.load("embedded-homonyms")


def planted(prompt: str, looks: list[str], gain: float = 10.0, **about) -> RunRecord:
    """Images of `prompt` that look like the senses named, to which the context adds `gain` nats."""
    context, sense = SENTENCES[prompt]
    word = prompt.split()[-1]
    record = synthetic.record(prompt, (context, word), seeds=tuple(range(len(looks))), **about)
    rng = np.random.default_rng(len(prompt))
    centres = {name: np.random.default_rng(sum(map(ord, name))).normal(size=(4, 16, 16)) for name in set(looks)}
    latents = [centres[look] + 0.3 * rng.normal(size=(4, 16, 16)) for look in looks]
    pair = record.pairs[0]
    information = {}
    for mode, found in pair.information.items():
        maps = dict(found.maps.maps)
        shares = 1 / maps["second"][0, 0].size
        maps["standard_both"] = maps["standard_second"] + np.float32(gain * shares)
        information[mode] = replace(found, maps=replace(found.maps, maps=maps))
    labelled = replace(pair, information=information, labels=(Label(HOMONYMS.name, sense, word),))
    return replace(record, latents=np.array(latents, np.float16), pairs=(labelled,))


def told(root: Path, **about) -> pd.DataFrame:
    return tables.senses(Catalogue(root), HOMONYMS, model="embedded", **about)


def test_images_that_follow_the_sentence_are_told_from_those_that_do_not(tmp_path):
    hdf5.publish(tmp_path, planted("a wild mouse", ["animal"] * 4))
    hdf5.publish(tmp_path, planted("a computer mouse", ["device", "device", "device", "animal"], gain=-4.0))
    hdf5.publish(tmp_path, planted("an archery bow", ["weapon"] * 4))
    table = told(tmp_path)
    assert list(table["prompt"]) == ["a wild mouse", "a computer mouse", "an archery bow"]
    assert list(table["context"]) == ["wild", "computer", "archery"]
    assert list(table["own"]) == [4, 3, 0] and list(table["compared"]) == [4, 4, 0]
    assert list(table["gain"]) == pytest.approx([10, -4, 10], abs=0.2)
    assert list(table["taken"]) == [TAKEN, NOT_TAKEN, UNTOLD]
    images = table.attrs["images"].set_index(["prompt", "seed"])
    assert images.loc[("a computer mouse", 3), "nearest"] == "animal"
    assert images.loc[("a computer mouse", 3), "nearer"] < 0 < images.loc[("a computer mouse", 2), "nearer"]


def test_a_condensed_copy_tells_senses_where_it_kept_latents(tmp_path):
    whole = tmp_path / "whole"
    for prompt, looks in (("a wild mouse", ["animal"] * 4), ("a computer mouse", ["device"] * 3 + ["animal"])):
        hdf5.publish(whole, planted(prompt, looks))
    selection = {path: {result.pair.name for result in hdf5.read(path).pairs} for path in hdf5.paths(whole)}
    for name, compared in (("kept", {HOMONYMS.name}), ("none", set())):
        list(hdf5.condense(tmp_path / name, selection, compared=compared))
    told_of = ["prompt", "own", "compared", "taken"]
    pd.testing.assert_frame_equal(told(tmp_path / "kept")[told_of], told(whole)[told_of])
    assert set(told(tmp_path / "none")["taken"]) == {UNTOLD}
    assert all(hdf5.problems(path) == [] for path in hdf5.paths(tmp_path / "kept"))


def test_a_model_that_draws_one_meaning_takes_the_other_in_part_at_most(tmp_path):
    hdf5.publish(tmp_path, planted("a wild mouse", ["animal"] * 8))
    hdf5.publish(tmp_path, planted("a computer mouse", ["device"] * 2 + ["animal"] * 6))
    verdicts = told(tmp_path).set_index("prompt")
    assert verdicts.loc["a computer mouse", "taken"] == NOT_TAKEN
    assert verdicts.loc["a computer mouse", "own"] <= 4
    assert verdicts.loc["a wild mouse", "taken"] in (TAKEN, PARTLY)


def test_synergy_follows_measure_and_mode(tmp_path):
    record = planted("a wild mouse", ["animal"] * 4)
    hdf5.publish(tmp_path, record)
    for mode, measure in (("cpid", "mmi"), ("pid", "aligned")):
        row = told(tmp_path, mode=mode, measure=measure).iloc[0]
        found = hdf5.read(hdf5.path_of(tmp_path, record.key)).pairs[0].decomposition(mode, measure)["synergy"]
        assert row["synergy"] == pytest.approx(found.total.mean(), rel=1e-4)
        assert row["synergy_low"] <= row["synergy"] <= row["synergy_high"]


def test_a_file_that_breaks_costs_its_comparison_alone(tmp_path):
    hdf5.publish(tmp_path, planted("a wild mouse", ["animal"] * 4))
    broken = hdf5.publish(tmp_path, planted("a computer mouse", ["device"] * 4))
    catalogue = Catalogue(tmp_path)
    assert catalogue.count() == 4
    synthetic.truncate(broken)
    table = tables.senses(catalogue, HOMONYMS, model="embedded")
    assert table.set_index("prompt").loc["a wild mouse", "taken"] == UNTOLD


def test_other_studies_are_refused(tmp_path):
    with pytest.raises(InputError, match="take one of kind pairs"):
        tables.senses(Catalogue(tmp_path), studies.load("gender"), model="embedded")
    with pytest.raises(InputError, match="nothing of it is in the store"):
        told(tmp_path)


def test_homonyms_are_told_from_other_pairs():
    kinds = {name: studies.load(name).content for name in ("homonyms", "synonyms", "embedded-cohyponyms")}
    assert [content.homonyms for content in kinds.values()] == [True, False, False]
