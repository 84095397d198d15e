"""Compare: two guidances, two measures, one prompt on both sides, and a store in which nothing can be compared."""

import numpy as np

from store import hdf5, studies
from tests import synthetic

SMALL = {"size": 16, "grid": 8, "seeds": (0, 1, 2)}


def test_two_guidances_of_a_study_stand_beside_each_other(opened, demo_store):
    page = opened("compare.py", demo_store, model="embedded", study="embedded-gender")
    assert page.address["one"] == "embedded guidance 1" and page.address["other"] == "embedded guidance 3"
    assert "rows differ significantly" in page.said and page.figures() == 2
    rows = len(next(each.value for each in page.app.dataframe))
    assert rows > 0
    page.choose("Images of", "nurse").choose("Seed", "2")
    assert (page.address["subject"], page.address["seed"]) == ("nurse", "2")
    page = opened("compare.py", demo_store, **page.address)
    assert page.address["subject"] == "nurse" and page.figures() == 2


def test_one_run_is_compared_under_two_measures(opened, tmp_path):
    synthetic.bias(tmp_path, 2, **SMALL)
    page = opened("compare.py")
    assert page.address["one"] == page.address["other"] == "embedded guidance 1"
    assert page.address["other_measure"] == "mmi"
    page.choose("Its measure", "ccs")
    assert page.address["other_measure"] == "ccs" and "of 2 rows differ significantly" in page.said
    page.choose("Modes", ("pid", "cpid"))
    assert page.address["other_mode"] == "cpid"


def test_studies_of_sentences_and_prompts_are_compared(opened, tmp_path):
    asked = studies.load("synonyms", tmp_path, "embedded")
    for guidance, strength in ((1.0, 1.0), (3.0, 2.0)):
        synthetic.of_study(tmp_path, asked, guidance, limit=2, strength=strength, **SMALL)
    page = opened("compare.py", study=asked.name)
    assert page.address["quantity"] == "redundancy" and "of 2 sentences differ significantly" in page.said
    assert "control word in the same images is taken off" in page.said
    rows = page.app.dataframe[0].value["sentence"]
    page.choose("Images of", sorted(rows)[1]).choose("Quantity", "both")
    assert page.figures() == 2 and page.address["quantity"] == "both"
    page = page.choose("Of", "prompt")
    assert (page.address["about"], page.address["other"]) == ("prompt", "embedded guidance 3")
    table = page.app.dataframe[0].value.set_index("quantity")
    np.testing.assert_allclose(table["other"], 2 * table["one"], atol=0.02)
    assert "of 9 quantities differ significantly" in page.said and page.figures() == 2
    page.choose("Quantity", "synergy").choose("Seed", "2")
    assert (page.address["quantity"], page.address["seed"]) == ("synergy", "2")
    page = opened("compare.py", tmp_path, **page.address)
    assert page.address["quantity"] == "synergy" and len(page.app.dataframe[0].value) == 9


def test_results_without_a_seed_in_common_are_compared_by_their_means(opened, tmp_path):
    for model, seeds in (("embedded", (0, 1)), ("other", (5, 6))):
        hdf5.publish(tmp_path, synthetic.record(model=model, size=16, grid=8, seeds=seeds))
    page = opened("compare.py", about="prompt", prompt="a female doctor", pair="female+doctor")
    assert "no seed in common" in page.said and "Too few seeds" in page.said
    assert page.address["seed"] == "0" and "other guidance 1, aligned, PID has no image of seed 0" in page.said


def test_a_store_without_a_study_says_so(opened):
    page = opened("compare.py")
    assert "holds no study" in page.said and "compute study gender" in page.app.code[0].value
    assert "holds no results" in page.choose("Of", "prompt").said
