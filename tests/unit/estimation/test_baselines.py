"""The sampling of others that the engine is held against, as it was published."""

import numpy as np
import torch

from compute.checks.baselines import Apart, Logistic, Uniform
from compute.estimation.noise_levels import REPLICATES, NoiseLevels

LEVELS = NoiseLevels.of(torch.linspace(12, -12, 4000, dtype=torch.float64), lowest=-12, highest=12)


def draws(levels, noises=4096):
    drawn = levels.draw(noises, torch.Generator().manual_seed(0))
    return LEVELS.log_snr[drawn.position], drawn


def test_logistic_levels_weigh_as_in_the_appendix_of_kong_et_al_2024():
    log_snr, drawn = draws(Logistic(**vars(LEVELS)))
    away = (log_snr - 1) / 2
    weight = 2 * np.tanh(4 / 2) / (away.sigmoid() * (-away).sigmoid())
    np.testing.assert_allclose(drawn.weight, weight, rtol=1e-3)
    assert log_snr.min() >= 1 - 8 and log_snr.max() <= 1 + 8
    assert drawn.signs == (1,)


def test_uniform_levels_weigh_the_length_of_their_range():
    log_snr, drawn = draws(Uniform(**vars(LEVELS)))
    np.testing.assert_allclose(drawn.weight, 12, rtol=1e-3)
    assert log_snr.min() >= -5 and log_snr.max() <= 7


def test_strata_apart_are_each_replicate_s_own():
    log_snr, drawn = draws(Apart(**vars(LEVELS)), noises=2 * REPLICATES * 10)
    each = log_snr.view(REPLICATES, 10)
    off = each - (-12 + 2.4 * torch.arange(10))
    assert ((off >= -0.02) & (off <= 2.42)).all()
    assert (drawn.share.view(REPLICATES, REPLICATES, 10).sum(2) == 80 * torch.eye(REPLICATES)).all()
