"""Noises and images are chosen so that intervals are narrowest: held by simulation with known variances."""

import numpy as np
import pytest
from scipy import stats

from store.catalogue import Catalogue
from store.jobs import Budget, Request
from store.jobs.allocation import DRAWING, Spread, allocate, spread_of
from store.prompts.conditions import count_texts
from store.records import TokenPair
from store.settings import DEMO_STORE

PAIR = TokenPair.find("a female doctor", "female", "doctor")
TEXTS = count_texts([PAIR])


def asked(images=8, noises=128):
    return [Request(pairs=(PAIR,), seeds=tuple(range(images)), budget=Budget(noises))]


def simulated(spread, images, noises, runs=4000):
    """The mean half width of intervals of simulated studies, and how often they hold the truth, 0."""
    rng = np.random.default_rng(0)
    deviation = (spread.between + spread.within * spread.noises / noises) ** 0.5
    values = rng.normal(0, deviation, (runs, images))
    half = stats.t.ppf(0.975, images - 1) * values.std(1, ddof=1) / images**0.5
    return half.mean(), (np.abs(values.mean(1)) <= half).mean()


@pytest.mark.parametrize(
    ("between", "within"), [(0.0, 4.0), (1.0, 1.0), (9.0, 0.5)], ids=["noise alone", "both", "images differ"]
)
def test_the_choice_has_the_narrowest_intervals_of_simulated_studies(between, within):
    spread = Spread(between, within, 128)
    found = allocate(spread, asked())
    allowed = 8 * (DRAWING + TEXTS * 128)
    assert found.images * (DRAWING + TEXTS * found.noises) <= allowed
    width, held = simulated(spread, found.images, found.noises)
    for noises in (16, 48, 128, 256):
        images = int(allowed // (DRAWING + TEXTS * noises))
        assert width <= 1.03 * simulated(spread, images, noises)[0]
    assert held == pytest.approx(0.95, abs=0.02)
    assert found.narrower <= 1


def test_images_that_differ_call_for_more_of_them_with_fewer_noises():
    alike, different = (allocate(Spread(between, 1.0, 128), asked()) for between in (0.0, 20.0))
    assert different.images > alike.images
    assert different.noises < alike.noises


def test_variances_are_those_of_the_images_in_the_store():
    catalogue = Catalogue(DEMO_STORE)
    spread = spread_of(catalogue, "embedded-gender", "embedded")
    assert spread.within > 0 <= spread.between
    assert spread.noises % 16 == 0
    assert spread_of(catalogue, "gender", "embedded") is None
