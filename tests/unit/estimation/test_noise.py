import numpy as np
import pytest
import torch

from compute.estimation.noise_levels import BANDS, EVERYWHERE, FLATTENED, REPLICATES, NoiseLevels
from store.errors import InputError


def test_the_grid_integrates_a_known_function():
    levels = NoiseLevels.of(torch.linspace(9, -13, 1000, dtype=torch.float64))
    estimate = (levels.width * levels.log_snr.sigmoid()).sum()
    ends = torch.nn.functional.softplus(levels.log_snr[[0, -1]])
    torch.testing.assert_close(estimate, ends[1] - ends[0], rtol=1e-4, atol=0)


def test_levels_outside_and_infinite_ones_take_no_part():
    log_snr = torch.tensor([-torch.inf, 20.0, 3.0, -3.0, -20.0, torch.inf])
    assert NoiseLevels.of(log_snr).level.tolist() == [3, 2]


LEVELS = NoiseLevels.of(torch.linspace(8, -12, 2000, dtype=torch.float64))
FOCUS = [0.0] * 6 + [1.0, 5.0, 20.0, 9.0, 3.0] + [0.0] * 7


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def test_each_stratum_has_one_draw():
    drawn = LEVELS.log_snr[LEVELS.draw(2 * REPLICATES * 10, seeded()).position]
    off = drawn - (-12 + 0.25 * torch.arange(80))
    snap = 0.01  # a drawn level is the nearest trained one
    assert ((off >= -snap) & (off <= 0.25 + snap)).all()


@pytest.mark.parametrize("levels", [LEVELS, LEVELS.focused(FOCUS)], ids=["even", "focused"])
def test_integrals_are_unbiased_under_any_density(levels):
    found = []
    for seed in range(200):
        drawn = levels.draw(64, seeded(seed))
        found.append(float((drawn.weight * LEVELS.log_snr[drawn.position].sigmoid()).mean()))
    truth = float((LEVELS.width * LEVELS.log_snr.sigmoid()).sum())
    assert abs(np.mean(found) - truth) < 3 * np.std(found) / 200**0.5


def test_a_focus_puts_draws_where_information_is_and_some_everywhere():
    drawn = LEVELS.focused(FOCUS).draw(2 * REPLICATES * 40, seeded())
    band = LEVELS.band_of(drawn.position)
    counts = torch.bincount(band, minlength=BANDS) / len(band)
    focus = torch.tensor(FOCUS) ** FLATTENED
    expected = (1 - EVERYWHERE) * focus / focus.sum() + EVERYWHERE / BANDS
    assert (counts > 0).all()
    np.testing.assert_allclose(counts, expected, atol=0.01)


def test_replicates_average_to_the_whole_and_give_its_standard_error():
    noise = torch.from_numpy(np.random.default_rng(0).normal(size=(300, 256)))
    means, errors = [], []
    for seed, values in enumerate(noise):
        drawn = LEVELS.draw(512, seeded(seed))
        integrand = drawn.weight * (LEVELS.log_snr[drawn.position].sigmoid() + values)
        replicates = (drawn.share * integrand).mean(1)
        assert float(replicates.mean()) == pytest.approx(float(integrand.mean()))
        means.append(float(integrand.mean()))
        errors.append(float(replicates.std()) / REPLICATES**0.5)
    assert np.mean(np.square(errors)) ** 0.5 == pytest.approx(np.std(means), rel=0.1)


@pytest.mark.parametrize("noises", [0, -16, 17, 100])
def test_a_budget_that_does_not_split_is_refused(noises):
    levels = NoiseLevels.of(torch.linspace(8, -12, 100))
    with pytest.raises(InputError, match="multiple of 16"):
        levels.draw(noises, torch.Generator())


def test_a_schedule_without_usable_levels_is_refused():
    with pytest.raises(InputError, match="no trained levels"):
        NoiseLevels.of(torch.tensor([30.0, 40.0]))
