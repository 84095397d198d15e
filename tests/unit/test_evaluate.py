"""The evaluation on the analytic denoiser: determinism, identities, closed forms."""

import numpy as np
import pytest

from compute.analytic import GATES, AnalyticDenoiser
from compute.conditions import of_pair
from compute.evaluate import evaluate
from compute.information import gather
from compute.noise import BANDS, NoiseLevels
from compute.pid import decompose
from store.errors import InputError
from store.records import TokenPair


def run(gate, prompt, noises=64, seed=5, batch=32):
    denoiser = AnalyticDenoiser(GATES[gate])
    latent = denoiser.generate(prompt, [seed], 1.0, 1)[0]
    conditions = of_pair(TokenPair.find(prompt, *prompt.split()), denoiser)
    *steps, last = evaluate(denoiser, NoiseLevels.of(denoiser.log_snr), latent, conditions, noises, seed, batch)
    assert steps == sorted(steps)
    assert steps[-1] == noises
    return last


def test_results_do_not_depend_on_the_batch():
    one, other = run("COR", "a0 b0", batch=8), run("COR", "a0 b0", batch=100)
    np.testing.assert_allclose(one.distance, other.distance, rtol=1e-5)
    np.testing.assert_allclose(one.curve, other.curve, rtol=1e-5)


def test_seeds_repeat_and_differ():
    assert np.array_equal(run("COR", "a0 b0").error, run("COR", "a0 b0").error)
    assert not np.array_equal(run("COR", "a0 b0").error, run("COR", "a0 b0", seed=6).error)


def test_maps_are_consistent_and_the_curve_integrates_to_the_total():
    evaluation = run("COR", "a0 b1", noises=1024)
    result = decompose(gather([evaluation], "pid"))
    assert result.consistent
    assert result.finite
    assert (result.information.first.map >= 0).all()
    curve = result.information.curve[0]
    assert curve.shape == (BANDS, 3)
    width = np.diff(result.information.log_snr).mean()
    np.testing.assert_allclose(np.nansum(curve[:, 2]) * width, result.information.both.total[0], rtol=0.05)


def test_independent_words_act_in_their_own_patches():
    result = decompose(gather([run("UNQ", "a0 b1", noises=256)], "pid"))
    left, right = result.information.first.map[0, :, :4].sum(), result.information.first.map[0, :, 4:].sum()
    assert left > 0.3
    assert right < 1e-6
    assert result.redundancy.total[0] < 1e-6


def test_values_that_are_not_finite_are_refused():
    evaluation = run("COR", "a0 b0")
    evaluation.distance[0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="not finite"):
        gather([evaluation], "pid")
