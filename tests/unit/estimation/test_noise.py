import pytest
import torch

from compute.estimation.noise_levels import REPLICATES, NoiseLevels
from store.errors import InputError


def test_the_grid_integrates_a_known_function():
    levels = NoiseLevels.of(torch.linspace(9, -13, 1000, dtype=torch.float64))
    estimate = (levels.width * levels.log_snr.sigmoid()).sum()
    ends = torch.nn.functional.softplus(levels.log_snr[[0, -1]])
    torch.testing.assert_close(estimate, ends[1] - ends[0], rtol=1e-4, atol=0)


def test_levels_outside_and_infinite_ones_take_no_part():
    log_snr = torch.tensor([-torch.inf, 20.0, 3.0, -3.0, -20.0, torch.inf])
    assert NoiseLevels.of(log_snr).level.tolist() == [3, 2]


def test_each_replicate_is_stratified():
    levels = NoiseLevels.of(torch.linspace(8, -12, 2000, dtype=torch.float64))
    drawn = levels.log_snr[levels.draw(2 * REPLICATES * 10, torch.Generator().manual_seed(1)).position]
    off = drawn.sort(1).values - (-12 + 2 * torch.arange(10))
    snap = 0.01  # a drawn level is the nearest trained one
    assert ((off >= -snap) & (off <= 2 + snap)).all()


@pytest.mark.parametrize("noises", [0, -16, 17, 100])
def test_a_budget_that_does_not_split_is_refused(noises):
    levels = NoiseLevels.of(torch.linspace(8, -12, 100))
    with pytest.raises(InputError, match="multiple of 16"):
        levels.draw(noises, torch.Generator())


def test_a_schedule_without_usable_levels_is_refused():
    with pytest.raises(InputError, match="no trained levels"):
        NoiseLevels.of(torch.tensor([30.0, 40.0]))
