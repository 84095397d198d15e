"""Where the noises of a work item fall."""

import numpy as np
import pytest
from diffusers import DDIMScheduler

from compute.estimation.noise_levels import NoiseLevels
from compute.models.registry import EMBEDDED
from compute.planning.plan import SHIPPED, _focus
from store.prompts import densities

alpha = DDIMScheduler.from_pretrained(EMBEDDED / "scheduler").alphas_cumprod.double()
LEVELS = NoiseLevels.of(alpha.log() - (-alpha).log1p())


def test_the_embedded_model_ships_with_a_density_of_its_bands():
    known = densities.read(SHIPPED / "embedded.json")
    assert _focus(LEVELS, known) == known.shares
    assert sum(known.shares) == pytest.approx(1, abs=1e-2)
    assert abs(known.log_snr[int(np.argmax(known.shares))] + 4) < 2


@pytest.mark.parametrize(
    "known", [None, densities.InformationDensity(9, (0.0, 1.0), (0.5, 0.5))], ids=["none", "other"]
)
def test_a_density_of_other_bands_is_not_used(known):
    assert _focus(LEVELS, known) == ()
