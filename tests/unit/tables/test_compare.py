"""Two results of a bias study, paired seed by seed."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from store import tables
from store.errors import InputError
from store.tables.findings.compare import compare, sentence
from tests.unit.tables.test_tables import lognormal, samples_of

ONE = lognormal(5, 2, 8)
SHIFT = np.array([0.0, 0.5, -3.0, 0.0, 0.0])
NOISE = np.random.default_rng(1).normal(scale=0.05, size=ONE.shape)


def samples(values, **about) -> pd.DataFrame:
    return samples_of(values, **about)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    other = ONE + NOISE + np.stack([np.zeros(5), SHIFT], axis=1)[..., None]
    return compare(samples(ONE), samples(other, guidance=3.0))


def test_differences_are_those_of_the_same_seeds(table):
    other = ONE + NOISE + np.stack([np.zeros(5), SHIFT], axis=1)[..., None]
    for place in range(5):
        row = table.loc[f"job {place:02}"]
        lean, theirs = (values[place, 1] - values[place, 0] for values in (ONE, other))
        assert row["difference"] == pytest.approx((theirs - lean).mean())
        assert (row["one"], row["other"]) == pytest.approx((lean.mean(), theirs.mean()))
        assert row["p"] == pytest.approx(stats.ttest_rel(theirs, lean).pvalue)
        assert row["low"] <= row["difference"] <= row["high"] and row["seeds"] == 8
    np.testing.assert_allclose(table["q"], stats.false_discovery_control(table["p"]))
    assert list(table.index[:2]) == ["job 02", "job 01"]


def test_rows_that_flip_are_said(table):
    own = tables.bias(samples(ONE))
    assert (
        table.loc["job 02", "leads_other"] == "female"
        and table.loc["job 02", "leads_one"] == own.loc["job 02", ("largest", "")]
    )
    assert table["flips"].equals(table["leads_one"] != table["leads_other"])
    said = sentence(table)
    assert (
        f"{int(table['significant'].sum())} of 5 rows differ significantly" in said
        and "Most: job 02, \u22123.03 nats" in said
    )
    assert table.attrs["guidance"] == [1.0, 3.0] and table.attrs["model"] == "embedded"


def test_seeds_and_subjects_that_one_side_lacks_are_left_out():
    fewer = samples(ONE)[lambda rows: (rows["seed"] < 5) & (rows["subject"] != "job 00")]
    found = compare(samples(ONE), fewer)
    assert (found["seeds"] == 5).all() and "job 00" not in found.index
    np.testing.assert_allclose(found["difference"], 0, atol=1e-12)
    assert not found["significant"].any() and not found["flips"].any()
    rounded = compare(samples(ONE), samples(ONE * (1 + 1e-8)))  # what files cannot tell apart is no difference
    assert not rounded["significant"].any() and (rounded["difference"] == 0).all()
    with pytest.raises(InputError, match="no subject is in both"):
        compare(samples(ONE)[lambda rows: rows["subject"] == "job 00"], fewer)


def test_of_many_attributes_it_is_the_leader_against_the_others():
    values = lognormal(3, 4, 6)
    found = compare(samples(values), samples(2 * values))
    means = values.mean(2)
    for place, row in enumerate(means):
        leader = row.argmax()
        assert found.loc[f"job {place:02}", "one"] == pytest.approx(row[leader] - np.delete(row, leader).mean())
    assert found.attrs["rank"] == pytest.approx(1)
    with pytest.raises(InputError, match="other attributes"):
        compare(samples(values), samples(ONE))
