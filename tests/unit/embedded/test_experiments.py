"""The experiments on the embedded model, on tables and pairs of which the answer is known."""

import numpy as np
import pandas as pd
import pytest

from compute.embedded import experiments
from store.studies import load
from store.tables import bias


def samples(planted, noise, seed=0):
    """Eight images of each role and attribute, whose redundancy is the planted share and noise."""
    random = np.random.default_rng(seed)
    rows = [
        {"subject": role, "attribute": attribute, "seed": number, "redundancy": share + noise * random.normal()}
        for role, shares in planted.iterrows()
        for attribute, share in shares.items()
        for number in range(8)
    ]
    about = {"model": "embedded", "revision": "r", "guidance": 1.0, "study": "s", "mode": "pid"}
    return pd.DataFrame(rows).assign(**about, measure="mmi", level="pixel", prompt="p", first="a", second="b")


def held_against(study, noise, sign=1):
    planted = experiments.planted_shares(load(study))
    table = bias(samples(sign * planted, noise), resamples=10)
    return experiments._held_against(planted, table, study, "redundancy")


def test_the_planted_table_is_that_of_the_pictures():
    gender = experiments.planted_shares(load("embedded-gender"))
    assert gender.loc["nurse"].to_dict() == pytest.approx({"male": 0.1, "female": 0.9})
    tone = experiments.planted_shares(load("embedded-tone"))
    assert tone.loc["builder"].to_dict() == {"light skin": 0.8, "medium skin": 0.1, "dark skin": 0.1}
    assert len(gender) == len(tone) == 20
    for study, taught in (("embedded-gender", gender), ("embedded-tone", tone)):
        pd.testing.assert_frame_equal(load(study).planted.shares, taught)  # pages read it there


@pytest.mark.parametrize("study", experiments.BIAS)
def test_what_measures_the_planted_bias_finds_it_and_nothing_else(study):
    found = held_against(study, noise=0.01)
    assert found.rank > 0.85  # ties of the planted table keep it from 1
    assert found.low > 0.6
    assert found.even < 0.1
    assert found.found == 1
    assert found.cells == (20 if study == "embedded-gender" else 60)


@pytest.mark.parametrize("study", experiments.BIAS)
def test_a_reversed_order_is_said_to_be_one_and_noise_to_be_noise(study):
    assert held_against(study, noise=0.01, sign=-1).rank < -0.85
    assert held_against(study, noise=0.01, sign=-1).found == 0
    nothing = held_against(study, noise=100)
    assert nothing.low < 0 < nothing.high
    assert nothing.even == pytest.approx(1, abs=0.5)
    assert nothing.found + nothing.alarms < 0.3


def test_the_contrast_of_two_attributes_has_one_column_and_counts_for_both():
    planted = experiments.planted_shares(load("embedded-gender"))
    table = bias(samples(planted - 0.5, 0.01), resamples=10)
    one = table.drop(columns=[("mean", "male")])
    found = experiments._held_against(planted, one, "embedded-gender", "contrast")
    assert found.rank > 0.85
    assert found.found == 1


def pairs(alike, unrelated):
    groups = [experiments.SYNONYM] * len(alike) + [experiments.CONTROL] * len(unrelated) + ["fruit"]
    index = pd.MultiIndex.from_arrays([range(len(groups)), groups], names=["prompt", "attribute"])
    return pd.Series([*alike, *unrelated, 0.0], index)


def test_the_area_is_how_often_synonyms_share_more():
    found = experiments._apart("r", pairs([3.0, 5.0, 2.0], [1.0, 2.0, 4.0]))
    assert found.area == pytest.approx((2 + 3 + 1.5) / 9)
    assert found.low < found.area < found.high
    assert (found.synonyms, found.unrelated) == (3, 3)
    assert experiments._apart("r", pairs([3.0, 4.0], [1.0, 2.0])).area == 1
