"""The neutral probe, guidances side by side, published values, every measure and level: held against definitions."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from store import export, studies, tables
from store.errors import InputError
from tests.unit.tables.test_tables import ATTRIBUTES, least_squares_p, lognormal, samples_of

RNG = np.random.default_rng(5)


def probed(attributes: int = 2, seeds: int = 8, leads: bool = True) -> pd.DataFrame:
    """Samples of a neutral probe of five subjects; `leads` says whether the attribute is the first word."""
    shape = (5, attributes, seeds)
    frame = samples_of(RNG.normal(size=shape), study="gender:neutral", measure="aligned", level="image")
    own, other = lognormal(*shape, seed=1).ravel(), lognormal(*shape, seed=2).ravel()
    frame["information_first"], frame["information_second"] = (own, other) if leads else (other, own)
    frame["standard_both"] = (
        RNG.normal(size=shape).ravel() + 3 * RNG.normal(size=(5, 1, seeds)).repeat(attributes, 1).ravel()
    )
    if not leads:
        frame = frame.rename(columns={"first": "second", "second": "first"})
    return frame.assign(own=own, prompt="a " + frame["subject"])


def values(frame: pd.DataFrame, column: str) -> np.ndarray:
    """(O, A, S)"""
    return frame[column].to_numpy().reshape(5, frame["attribute"].nunique(), -1)


@pytest.mark.parametrize("leads", [True, False])
def test_a_neutral_probe_has_information_alignment_and_contrast(leads):
    frame = probed(leads=leads)
    table = tables.neutral_probe(frame)
    assert list(table.index)[-1] == "average"
    cells = table.drop("average")
    np.testing.assert_allclose(cells["information"], values(frame, "own").mean(2))
    both = np.sqrt(frame["information_first"] * frame["information_second"])
    expected = values(frame.assign(expected=frame["redundancy"] / both), "expected").mean(2)
    np.testing.assert_allclose(cells["alignment"], expected)
    first, second = values(frame, "standard_both").transpose(1, 0, 2)
    assert list(cells["contrast"]) == ["male"]  # the second of the two
    np.testing.assert_allclose(cells["contrast"]["male"], (second - first).mean(1))
    p = [stats.ttest_rel(*pair).pvalue for pair in zip(first, second, strict=True)]
    np.testing.assert_allclose(cells["contrast_p"], p)
    np.testing.assert_allclose(cells["contrast_q"], stats.false_discovery_control(p))
    assert (cells["contrast_low"] < cells["contrast"]).all(axis=None)
    assert (cells["contrast"] < cells["contrast_high"]).all(axis=None)
    assert table.attrs["units"]["contrast"] == "nats" and "alignment" not in table.attrs["units"]


def test_the_contrast_of_four_attributes_is_with_the_mean_of_the_others():
    frame = probed(attributes=4)
    cells = tables.neutral_probe(frame).drop("average")
    standard = values(frame, "standard_both")
    for place, attribute in enumerate(ATTRIBUTES[4]):
        others = np.delete(standard, place, axis=1).mean(1)
        np.testing.assert_allclose(cells["contrast"][attribute], (standard[:, place] - others).mean(1))
    np.testing.assert_allclose(cells["contrast_p"], [least_squares_p(each) for each in standard])


def test_an_image_that_lacks_an_attribute_has_no_contrast():
    frame = probed()
    gone = (frame["subject"] == "job 00") & (frame["attribute"] == "male") & (frame["seed"] < 3)
    row = tables.neutral_probe(frame[~gone]).loc["job 00"]
    first, second = values(frame, "standard_both")[0]
    assert row["contrast", "male"] == pytest.approx((second - first)[3:].mean())
    assert row["seeds"].to_dict() == {"female": 5, "male": 5} and row["excluded", "female"] == 3


def test_a_probe_under_another_measure_is_refused():
    with pytest.raises(InputError, match="measure of a neutral probe: not aligned alone"):
        tables.neutral_probe(probed().assign(measure="mmi"))


def guided(low: np.ndarray, high: np.ndarray) -> pd.DataFrame:
    return pd.concat([samples_of(high, guidance=3.0), samples_of(low, guidance=1.0)])


def test_guidances_stand_side_by_side():
    low = lognormal(6, 2, 8)
    high = low + np.array([0.0, 2.0])[:, None]
    table = tables.by_guidance(guided(low, high))
    assert list(table["gap"]) == list(table["largest"]) == ["1", "3"] and list(table["change"]) == ["3"]
    for name, part in (("1", low), ("3", high)):
        plain = tables.bias(samples_of(part)).drop("average")
        for column in ("gap", "largest", "q", "significant"):
            assert list(table[column][name].drop("average")) == list(plain[column])
        assert table.loc["average", ("gap", name)] == pytest.approx(plain["gap"].mean())
    change = table["change"]["3"]
    np.testing.assert_allclose(change, table["gap"]["3"] - table["gap"]["1"])
    grown = (low[:, 1] > low[:, 0]).all(1)  # where one attribute leads in each image, seeds do not matter
    exact = table.drop("average")[grown]
    np.testing.assert_allclose(exact["low"], 2)
    np.testing.assert_allclose(exact["high"], 2)
    text = export.latex(table)
    assert "gap 1" in text and r"\textbf" in text


def test_guidance_may_lack_a_subject_and_must_differ():
    low, high = lognormal(6, 2, 8), lognormal(6, 2, 8, seed=3)
    frame = guided(low, high)
    table = tables.by_guidance(frame[(frame["guidance"] == 1) | (frame["subject"] != "job 02")])
    assert table.loc["job 02", ("gap", "1")] > 0
    assert math.isnan(table.loc["job 02", ("change", "3")]) and math.isnan(table.loc["job 02", ("low", "3")])
    assert np.isfinite(table.loc["average", [("change", "3"), ("low", "3")]].astype(float)).all()
    with pytest.raises(InputError, match="nothing but 1 is there"):
        tables.by_guidance(samples_of(low))


def test_intervals_of_changes_cover():
    rng = np.random.default_rng(0)
    shared, truth = rng.normal(size=(200, 1, 8)), np.array([0.0, 1.0])[:, None]
    low, high = (factor * truth + rng.normal(size=(200, 2, 8)) + shared for factor in (1, 3))
    table = tables.by_guidance(guided(low, high), resamples=1000).drop("average")
    assert ((table["low"]["3"] <= 2) & (table["high"]["3"] >= 2)).mean() == pytest.approx(0.95, abs=0.04)


def test_published_values_stand_beside_ours_and_say_whose_they_are():
    published = studies.load("gender").published
    frame = samples_of(lognormal(3, 2, 4)).replace({"subject": {"job 00": "doctor", "job 01": "judge"}})
    table = tables.with_published(tables.bias(frame), published)
    assert table.loc["doctor", ("published", "male")] == 0.871
    assert table.loc["average", ("published", "female")] == 0.194
    assert table["published"].loc["job 02"].isna().all() and pd.isna(table.loc["job 02", ("source", "")])
    assert "arXiv 2406.05191" in table.loc["judge", ("source", "")]
    assert "not one that was measured here" in table.attrs["published"]["model"]
    assert table["normalised"].equals(tables.bias(frame)["normalised"])
    assert "2406.05191" in export.csv_text(table) and '"published male"' in export.csv_text(table)
    doctor = next(line for line in export.latex(table).splitlines() if line.startswith("doctor"))
    assert r"\textbf{0.871}" in doctor and r"\textbf{0.090}" not in doctor


def test_means_under_every_setting_are_those_of_their_bias_tables():
    one, other = lognormal(6, 2, 8), lognormal(6, 2, 8, seed=9)
    together = samples_of(other[:, :, :1], measure="ccs", level="prompt").assign(seed=pd.NA)
    found = tables.by_setting(pd.concat([samples_of(one), together.astype({"seed": "Int64"})]))
    np.testing.assert_allclose(found["mmi", "pixel"], one.mean(2).ravel())
    np.testing.assert_allclose(found["ccs", "prompt"], other[:, :, 0].ravel())
    assert found.index.names == ["subject", "attribute"]
    assert export.csv_text(found).startswith('"subject","attribute","ccs prompt","mmi pixel"')


def test_a_bias_table_says_its_guidance():
    table = tables.bias(samples_of(lognormal(3, 2, 4), guidance=3.0))
    assert (table["guidance"] == 3).all(axis=None)
    assert '"guidance"' in export.csv_text(table).splitlines()[0]
