"""Compare: two guidances, two measures, one prompt on both sides, and a store in which nothing can be compared."""

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


def test_a_store_without_a_bias_study_says_so(opened):
    page = opened("compare.py")
    assert "holds no bias study" in page.said and "compute study gender" in page.app.code[0].value
