"""The jackknife errors, on replicates of known spread."""

from operator import itemgetter

import numpy as np

from compute.information import Replicated
from compute.noise import REPLICATES
from compute.pid import mmi

STUDENT_90 = 1.895  # two-sided 90 %, 7 degrees of freedom


def replicated(maps):
    return Replicated(maps, np.zeros((1, 1, 3)), np.zeros(1))


def test_the_error_of_a_mean_is_the_textbook_one():
    values = np.random.default_rng(0).normal(size=(3, REPLICATES, 4, 5))
    found = replicated({"first": values}).estimate(itemgetter("first"))
    expected = values.std(axis=1, ddof=1) / np.sqrt(REPLICATES)
    np.testing.assert_allclose(found.map_se, expected, rtol=1e-5)
    sums = values.sum((2, 3))
    np.testing.assert_allclose(found.total, sums.mean(1))
    np.testing.assert_allclose(found.total_se, sums.std(axis=1, ddof=1) / np.sqrt(REPLICATES))


def test_intervals_of_the_non_linear_redundancy_cover_the_truth():
    random = np.random.default_rng(1)
    runs, pixels = 2000, (4, 4)
    truth = {"first": random.uniform(1, 3, pixels), "second": random.uniform(1, 3, pixels)}
    maps = {name: value + 0.3 * random.normal(size=(runs, REPLICATES, *pixels)) for name, value in truth.items()}
    found = replicated(maps).estimate(mmi)
    covered = np.abs(found.total - mmi(truth).sum()) <= STUDENT_90 * found.total_se
    assert 0.85 <= covered.mean() <= 0.95
