"""The jackknife errors, on replicates of known spread; levels, regions and bands of what was measured."""

from operator import itemgetter

import numpy as np
import pytest

from store.errors import InputError
from store.pid.decomposition import ALIGNMENT, PARTS, decompose
from store.pid.information import Replicates
from store.pid.measures.mmi import mmi
from tests import synthetic

REPLICATES = 8
STUDENT_90 = 1.895  # two-sided 90 %, 7 degrees of freedom


def test_the_error_of_a_mean_is_the_textbook_one():
    values = np.random.default_rng(0).normal(size=(3, REPLICATES, 4, 5))
    found = Replicates({"first": values}).estimate(itemgetter("first"))
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
    found = Replicates(maps).estimate(mmi)
    covered = np.abs(found.total - mmi(truth).sum()) <= STUDENT_90 * found.total_se
    assert 0.85 <= covered.mean() <= 0.95


def test_the_error_of_a_region_knows_that_pixels_err_together():
    random = np.random.default_rng(2)
    common = 1 + 0.1 * random.normal(size=(1, REPLICATES, 1, 1))
    maps = Replicates({"first": np.ones((1, REPLICATES, 6, 6)) * common})
    found = maps.region(slice(1, 4), slice(2, 6)).estimate(itemgetter("first"))
    assert found.map.shape == (1, 3, 4)
    assert found.total[0] == pytest.approx(12 * common.mean())
    assert found.total_se[0] == pytest.approx(12 * common.std(ddof=1) / np.sqrt(REPLICATES))


def test_a_region_without_pixels_is_refused():
    with pytest.raises(InputError, match="choose a larger one"):
        Replicates({"first": np.ones((1, 8, 4, 4))}).region(slice(2, 2), slice(0, 4))


def test_without_a_second_replicate_errors_are_unknown():
    found = Replicates({"first": np.ones((2, 1, 3, 3))}).estimate(itemgetter("first"))
    assert found.total.tolist() == [9, 9]
    assert np.isnan(found.total_se).all()
    maps = Replicates({name: np.ones((2, 1, 3, 3)) for name in ("first", "second", "both", "between")})
    for measure in ("mmi", "ccs", "aligned"):
        derived = decompose(maps, measure)
        assert all(np.isnan(derived[name].total_se).all() for name in (*PARTS, ALIGNMENT))


def test_bands_add_up_to_the_maps():
    maps = synthetic.record().pairs[0].information["pid"]
    whole = maps.maps.maps["both"].mean(1)
    parts = sum(maps.in_band(band).maps["both"][:, 0] for band in range(len(maps.band_edges) - 1))
    np.testing.assert_allclose(parts, whole, rtol=1e-4)


def test_an_unknown_level_is_named_with_the_choice():
    with pytest.raises(InputError, match="pixel, image, prompt"):
        Replicates({"first": np.ones((1, 8, 4, 4))}).at("word")


def test_a_rectangle_of_the_image_becomes_latent_pixels():
    record = synthetic.record(size=64, grid=16)
    assert record.region(0, 0, 64, 64) == (slice(0, 16), slice(0, 16))
    assert record.region(8, 32, 31, 70) == (slice(8, 16), slice(2, 8))
