import math
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from store import tables
from store.catalogue import Catalogue
from store.errors import InputError
from store.tables import statistics

DEMO = Path(__file__).parents[3] / "store" / "demo"
ATTRIBUTES = {2: ("female", "male"), 4: ("asian", "black", "caucasian", "hispanic")}


def samples_of(values: np.ndarray, seeds: range | None = None, **settings) -> pd.DataFrame:
    """Long form of values (O, A, S)."""
    subjects, attributes, count = values.shape
    index = pd.MultiIndex.from_product(
        [[f"job {i:02}" for i in range(subjects)], ATTRIBUTES[attributes], seeds or range(count)],
        names=["subject", "attribute", "seed"],
    )
    frame = pd.DataFrame({"redundancy": values.ravel()}, index=index).reset_index()
    prompts = "a " + frame["attribute"] + " " + frame["subject"]
    about = {"model": "embedded", "revision": "1", "guidance": 1.0, "mode": "pid", "study": "gender"}
    about |= {"measure": "mmi", "level": "pixel"}
    return frame.assign(prompt=prompts, first=frame["attribute"], second=frame["subject"], **(about | settings))


def lognormal(*shape: int, seed: int = 0, sigma: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.exp(sigma * rng.normal(size=shape) + 0.5 * rng.normal(size=(*shape[:1], 1, *shape[2:])))


VALUES = lognormal(6, 2, 8)


def test_means_gaps_and_normalised_values_are_those_of_the_definition():
    table = tables.bias(samples_of(VALUES))
    means = VALUES.mean(2)
    np.testing.assert_allclose(table["mean"].drop("average"), means)
    np.testing.assert_allclose(table["mean"].loc["average"], means.mean(0))
    np.testing.assert_allclose(table["gap"].drop("average"), np.ptp(means, axis=1))
    expected = (means - means.min()) / np.ptp(means)
    np.testing.assert_allclose(table["normalised"].drop("average"), expected)
    np.testing.assert_allclose(table["normalised"].loc["average"], expected.mean(0))
    np.testing.assert_allclose(table["gap_normalised"].drop("average"), np.ptp(expected, axis=1))
    assert list(table["largest"].drop("average")) == [ATTRIBUTES[2][i] for i in means.argmax(1)]
    assert (table["seeds"].drop("average") == 8).all(axis=None)
    assert (table["seeds"].loc["average"] == 48).all()
    assert table.attrs["units"]["mean"] == "nats"
    assert table.attrs["measure"] == "mmi"


@pytest.mark.parametrize("attributes", [2, 4])
def test_the_paired_test_agrees_with_other_implementations(attributes):
    values = lognormal(5, attributes, 7)
    table = tables.bias(samples_of(values))
    expected = [least_squares_p(each) for each in (*values, values.mean(2).T)]
    np.testing.assert_allclose(table["p"], expected)
    if attributes == 2:
        paired = [stats.ttest_rel(*each).pvalue for each in (*values, values.mean(2).T)]
        np.testing.assert_allclose(table["p"], paired)
    np.testing.assert_allclose(table["q"].iloc[:-1], stats.false_discovery_control(expected[:-1]))
    assert table["q"].iloc[-1] == table["p"].iloc[-1]
    assert (table["significant"] == (table["q"] <= 0.05)).all()


def least_squares_p(values: np.ndarray) -> float:
    """The same hypothesis as a comparison of two regressions on indicators."""
    rows, blocks = values.shape
    of_row, of_block = np.indices(values.shape).reshape(2, -1)
    block = np.eye(blocks)[of_block]
    full = np.hstack([block, np.eye(rows)[of_row][:, 1:]])
    small, large = (np.linalg.lstsq(design, values.ravel(), rcond=None)[1][0] for design in (block, full))
    freedom = (rows - 1) * (blocks - 1)
    return float(stats.f.sf((small - large) / (rows - 1) / (large / freedom), rows - 1, freedom))


def test_intervals_lie_around_the_mean_and_come_out_the_same_each_time():
    table = tables.bias(samples_of(VALUES))
    assert (table["low"] < table["mean"]).all(axis=None)
    assert (table["mean"] < table["high"]).all(axis=None)
    pd.testing.assert_frame_equal(table, tables.bias(samples_of(VALUES)))
    alone = tables.bias(samples_of(VALUES[:1]))
    pd.testing.assert_series_equal(alone["low"].iloc[0], table["low"].iloc[0])
    narrow = tables.bias(samples_of(VALUES), confidence=0.5)
    assert (narrow["low"] > table["low"]).all(axis=None)


def test_the_order_of_rows_does_not_matter_and_nothing_is_changed():
    samples = samples_of(VALUES)
    shuffled = samples.sample(frac=1, random_state=0)
    before = shuffled.copy()
    pd.testing.assert_frame_equal(tables.bias(shuffled), tables.bias(samples))
    pd.testing.assert_frame_equal(shuffled, before)


@pytest.mark.parametrize(("scale", "shift"), [(1, 10), (3, 0), (0.5, -4)])
def test_what_has_a_unit_moves_with_it_and_nothing_else_does(scale, shift):
    table, moved = tables.bias(samples_of(VALUES)), tables.bias(samples_of(scale * VALUES + shift))
    for name in ("mean", "low", "high"):
        np.testing.assert_allclose(moved[name], scale * table[name] + shift)
    np.testing.assert_allclose(moved["gap"], scale * table["gap"])
    for name in ("normalised", "gap_normalised", "p", "q"):
        np.testing.assert_allclose(moved[name], table[name], atol=1e-9)
    assert list(moved["largest"]) == list(table["largest"])


def test_categories_give_the_order():
    order = ["male", "female"]
    samples = samples_of(VALUES)
    samples["attribute"] = pd.Categorical(samples["attribute"], [*order, "neither"], ordered=True)
    assert list(tables.bias(samples)["mean"]) == order


def test_only_complete_blocks_enter_the_test():
    samples = samples_of(VALUES)
    gone = (samples["subject"] == "job 00") & (samples["attribute"] == "male") & (samples["seed"] < 3)
    row = tables.bias(samples[~gone]).loc["job 00"]
    assert row["blocks"].item() == 5
    assert row["p"].item() == pytest.approx(stats.ttest_rel(*VALUES[0, :, 3:]).pvalue)
    assert list(row["seeds"]) == [8, 5]
    assert row["mean"]["male"] == pytest.approx(VALUES[0, 1, 3:].mean())


def test_values_that_are_not_finite_are_left_out_and_counted():
    values = VALUES.copy()
    values[0, 0, 0], values[0, 0, 1], values[1, 1] = math.nan, math.inf, math.nan
    table = tables.bias(samples_of(values))
    assert list(table["excluded"].iloc[0]) == [2, 0]
    assert list(table["excluded"].loc["average"]) == [2, 8]
    assert table["blocks"].iloc[0] == 6
    assert table["mean"].iloc[0]["female"] == pytest.approx(VALUES[0, 0, 2:].mean())
    assert np.isfinite(table["low"].iloc[0]).all()
    lacking = table.iloc[1]
    assert lacking[["gap", "p", "q"]].isna().all()
    assert pd.isna(lacking["largest"].item())
    assert not lacking["significant"].item()
    others = np.delete(VALUES[:, 1].mean(1), 1)
    assert table["mean"].loc["average", "male"] == pytest.approx(others.mean())


def test_one_seed_has_a_mean_but_no_interval_and_no_test():
    table = tables.bias(samples_of(VALUES[:, :, :1]))
    assert table["mean"].notna().all(axis=None)
    cells = table.drop("average")
    assert cells[["low", "high"]].isna().all(axis=None)
    assert cells[["p", "q"]].isna().all(axis=None)
    assert table["p"].loc["average"] == pytest.approx(stats.ttest_rel(*VALUES[:, :, 0].T).pvalue)


def test_one_subject_and_equal_values():
    table = tables.bias(samples_of(VALUES[:1]))
    assert list(table["normalised"].iloc[0]) == ([0, 1] if table["largest"].iloc[0] == "male" else [1, 0])
    assert pd.isna(table["p"].loc["average"])
    assert table["low"].loc["average"].isna().all()
    equal = tables.bias(samples_of(np.ones((2, 2, 4))))
    assert (equal["p"] == 1).all()
    assert equal["normalised"].isna().all(axis=None)
    assert tables.paired_test(np.array([[1.0, 2.0], [2.0, 3.0]])) == (0, 2)


def test_the_level_prompt_has_no_seeds():
    samples = samples_of(VALUES[:, :, :1], level="prompt").assign(seed=np.nan)
    assert (tables.bias(samples)["seeds"].iloc[0] == 1).all()


@pytest.mark.parametrize(
    "column, value", [("model", "sd"), ("revision", "2"), ("guidance", 3.0), ("mode", "cpid"), ("measure", "ccs")]
)
def test_what_is_mixed_is_named_with_a_way_out(column, value):
    mixed = pd.concat([samples_of(VALUES), samples_of(VALUES, **{column: value})])
    with pytest.raises(InputError, match=f"more than one {column}.*{value}.*select"):
        tables.bias(mixed)
    assert tables.bias(tables.select(mixed, **{column: value})).attrs[column] == value


def test_errors_name_the_mend():
    samples = samples_of(VALUES)
    with pytest.raises(InputError, match="'entropy': not known; use one of redundancy"):
        tables.bias(samples, "entropy")
    with pytest.raises(InputError, match="study 'ethnic': nothing is there; use one of 'gender'"):
        tables.select(samples, study="ethnic")
    with pytest.raises(InputError, match="column 'studie'"):
        tables.select(samples, studie="gender")
    with pytest.raises(InputError, match="nothing is selected"):
        tables.bias(samples.iloc[:0])
    with pytest.raises(InputError, match="8 samples: without subject or attribute"):
        tables.bias(samples.assign(subject=samples["subject"].where(samples.index >= 8)))
    with pytest.raises(InputError, match="average"):
        tables.bias(samples.assign(subject="average"))
    twice = pd.concat([samples, samples.iloc[:1].assign(prompt="a doctor")])
    with pytest.raises(InputError, match="job 00 female: seed 0 is there twice.*'a doctor'"):
        tables.bias(twice)


def test_p_is_uniform_and_few_discoveries_are_false_where_nothing_differs():
    rng = np.random.default_rng(3)
    p = np.array(
        [tables.paired_test(values).p for values in rng.normal(size=(2000, 2, 6)) + rng.normal(size=(2000, 1, 6))]
    )
    assert stats.kstest(p, "uniform").pvalue > 0.01
    any_false = [(statistics.benjamini_hochberg(part) <= 0.05).any() for part in p.reshape(100, 20)]
    assert np.mean(any_false) < 0.12  # 0.05 expected, two standard errors are 0.044


@pytest.mark.parametrize(
    ("seeds", "sigma", "expected"), [(4, 0.5, 0.84), (8, 0.5, 0.92), (16, 0.5, 0.94), (8, 1.0, 0.84)]
)
def test_intervals_cover_as_often_as_the_decisions_say(seeds, sigma, expected):
    values = np.exp(sigma * np.random.default_rng(1).normal(size=(1000, seeds)))
    drawn = statistics.resampled_means(values, np.arange(seeds), 2000)
    low, high = statistics.expanded_percentiles(drawn, np.full(1000, seeds), 0.95)
    truth = math.exp(sigma**2 / 2)
    assert ((low <= truth) & (truth <= high)).mean() == pytest.approx(expected, abs=0.03)


def test_resampling_is_paired_by_seed():
    values = np.random.default_rng(0).normal(size=8) + np.array([[0.0], [1.0]])
    drawn = statistics.resampled_means(values, np.arange(8), 100)
    np.testing.assert_allclose(drawn[1] - drawn[0], 1)


def test_what_is_far_apart_is_stable_and_what_is_noise_is_not():
    rng = np.random.default_rng(0)
    size = np.arange(1, 9)[:, None, None] * np.array([0, 1])[:, None]
    clear = tables.rank_stability(samples_of(size + 0.01 * rng.normal(size=(8, 2, 6))))
    assert (clear.subjects[["stays_largest", "same_order"]] == 1).all(axis=None)
    assert clear.order == (1, 1, 1)
    assert list(clear.subjects["rank"]) == list(range(8, 0, -1))
    noise = tables.rank_stability(samples_of(rng.normal(size=(8, 2, 6))))
    assert noise.order.value < 0.8
    assert noise.order.low < noise.order.value < noise.order.high
    assert (noise.subjects["rank_low"] <= noise.subjects["rank_high"]).all()


def test_the_largest_of_two_stays_so_as_often_as_the_normal_theory_says():
    differences = np.random.default_rng(4).normal(0.3, 1, 400)
    values = np.stack([np.zeros(400), differences])[None]
    share = tables.rank_stability(samples_of(values)).subjects["stays_largest"].item()
    z = abs(differences.mean()) / (differences.std() / 20)
    assert share == pytest.approx(stats.norm.cdf(z), abs=0.01)


def test_stability_of_four_attributes_and_of_what_is_missing():
    values = lognormal(5, 4, 6)
    values[1, 2] = math.nan
    found = tables.rank_stability(samples_of(values))
    assert (found.subjects["same_order"].dropna() <= found.subjects["stays_largest"].dropna()).all()
    assert found.subjects.loc["job 01", ["gap", "rank", "stays_largest"]].isna().all()
    assert np.isfinite(found.order).all()
    single = tables.rank_stability(samples_of(values[:, :, :1]))
    assert np.isnan(single.order).all()


def test_sensitivity_is_spearman_between_tables():
    other = VALUES + 0.7 * lognormal(6, 2, 8, seed=9)
    frames = [samples_of(VALUES), samples_of(VALUES**3, level="image"), samples_of(other, measure="ccs")]
    square = tables.sensitivity(pd.concat(frames))
    assert list(square.index) == list(square.columns) == [("ccs", "pixel"), ("mmi", "image"), ("mmi", "pixel")]
    expected = stats.spearmanr(VALUES.mean(2).ravel(), other.mean(2).ravel()).statistic
    assert square.loc[("mmi", "pixel"), ("ccs", "pixel")] == pytest.approx(expected)
    np.testing.assert_allclose(np.diag(square), 1)
    with pytest.raises(InputError, match="more than one mode"):
        tables.sensitivity(pd.concat([*frames, samples_of(VALUES, mode="cpid")]))


def test_pairs_are_listed_by_their_mean():
    samples = samples_of(VALUES, study="homonyms").drop(columns="attribute").assign(attribute=None)
    found = tables.pairs(samples, "redundancy")
    assert len(found) == 12
    assert all(one >= other for one, other in pairwise(found["mean"]))
    table = tables.bias(samples_of(VALUES))
    row = found[found["prompt"] == "a male job 03"].iloc[0]
    assert tuple(row[["mean", "low", "high"]]) == tuple(table.loc["job 03", (["mean", "low", "high"], "male")])
    assert row["seeds"] == 8
    with pytest.raises(InputError, match="not known"):
        tables.pairs(samples, "mean")


def test_correlation_is_pearson_and_groups_widen_its_interval():
    rng = np.random.default_rng(2)
    shared = rng.normal(size=(30, 1, 2)) @ np.array([[1, 0.6], [0, 0.8]])
    x, y = (shared + 0.5 * rng.normal(size=(30, 6, 2))).reshape(-1, 2).T
    groups = np.repeat([f"prompt {i}" for i in range(30)], 6)
    points, prompts = tables.correlation(x, y), tables.correlation(x, y, groups)
    assert points.value == prompts.value == pytest.approx(stats.pearsonr(x, y).statistic)
    assert prompts.low < points.low < points.value < points.high < prompts.high
    assert tables.correlation(5 * x + 1, -y, groups).value == pytest.approx(-points.value)
    broken = np.append(x, math.nan), np.append(y, 1), np.append(groups, "prompt 0")
    assert tables.correlation(*broken) == prompts


def test_correlation_interval_covers():
    rng = np.random.default_rng(6)
    hits = []
    for _ in range(200):
        shared = rng.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], size=(30, 1))
        values = shared + rng.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], size=(30, 4))
        found = tables.correlation(*values.reshape(-1, 2).T, np.repeat(range(30), 4), resamples=500)
        hits.append(found.low <= 0.3 <= found.high)
    assert np.mean(hits) > 0.88


def test_correlation_of_what_says_nothing():
    assert np.isnan(tables.correlation([], [])).all()
    assert np.isnan(tables.correlation([1, 2], [2, 1])).all()
    assert np.isnan(tables.correlation([1, 1, 1], [1, 2, 3])).all()
    assert np.isnan(tables.correlation([1, 2, 3], [1, 3, 2], ["a"] * 3)[1:]).all()
    assert tables.correlation(range(20), range(20)).low == pytest.approx(1)
    with pytest.raises(InputError, match="3 and 2 values"):
        tables.correlation([1, 2, 3], [1, 2])


def test_totals_are_the_catalogue_in_columns(tmp_path):
    shutil.copytree(DEMO / "maps", tmp_path / "maps")
    entries = list(Catalogue(tmp_path).entries())
    frame = tables.totals(entries)
    assert len(frame) == len(entries)
    assert list(frame["redundancy"]) == [entry.totals["redundancy"][0] for entry in entries]
    assert list(frame["synergy_se"]) == [entry.totals["synergy"][1] for entry in entries]
    assert list(frame["prompt"]) == [entry.key.prompt for entry in entries]
    assert frame.attrs["units"]["synergy_se"] == "nats"
    empty = tables.totals([])
    assert empty.empty
    assert list(empty) == list(frame)


def test_a_table_of_188_subjects_and_four_attributes():
    values = lognormal(188, 4, 16)
    assert len(tables.bias(samples_of(values, study="ethnic"))) == 189
