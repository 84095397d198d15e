"""The evaluation on the analytic denoiser: determinism, identities, closed forms, and what goes wrong on the way."""

import numpy as np
import pytest
import torch

from compute.checks.analytic import GATES, AnalyticDenoiser
from compute.checks.baselines import Logistic
from compute.estimation.batching import BatchedDenoiser
from compute.estimation.evaluate import evaluate
from compute.estimation.information import gather
from compute.estimation.noise_levels import BANDS, MAP_BANDS, NoiseLevels
from store.errors import InputError
from store.jobs import Budget
from store.pid.decomposition import decompose
from store.prompts.conditions import of_pairs
from store.records import TokenPair


def run(gate, prompt, noises=64, seed=5, batch=32, denoiser=None, design=None, done=0, waits=True):
    """The evaluation of one image of a prompt that is two words."""
    denoiser = denoiser or AnalyticDenoiser(GATES[gate])
    latent = denoiser.generate(prompt, [seed], 1.0, 1)[0]
    pair = TokenPair.find(prompt, *prompt.split())
    conditions = of_pairs([pair], denoiser)
    levels, encoded = design or NoiseLevels.of(denoiser.log_snr), denoiser.encode(conditions.texts)
    batched = BatchedDenoiser(denoiser, batch)
    batched.waits = waits
    given = batched, levels, latent, conditions, encoded
    steps = []
    last = evaluate(*given, noises=noises, seed=seed, done=done, report=steps.append)
    assert steps == sorted(steps)
    assert steps[-1] == last.noises
    return last, gather(last, pair, "pid")


class Faulty(AnalyticDenoiser):
    """The analytic denoiser on a machine with room for `room` evaluations, whose coarse precision overflows."""

    room, coarse, precise = 1000, False, True

    def predict_noise(self, z, level, conditioning):
        if len(z) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        found = super().predict_noise(z, level, conditioning)
        return found * torch.nan if self.coarse else found

    def computing_in(self, dtype):
        self.coarse = not self.precise
        return super().computing_in(dtype)


def test_results_do_not_depend_on_the_batch():
    (one, _), (other, _) = (run("COR", "a0 b0", batch=batch) for batch in (3, 100))
    for name in ("distance", "error", "bands", "spectrum", "curve", "tail"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-4, err_msg=name)


def test_seeds_repeat_and_differ():
    (one, _), (same, _), (other, _) = (run("COR", "a0 b0", seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(one.error, same.error)
    assert not np.array_equal(one.error, other.error)


def test_maps_are_consistent_and_the_curve_integrates_to_the_total():
    _, maps = run("COR", "a0 b1", noises=1024)
    result = decompose(maps.maps, "mmi")
    assert result.consistent
    assert result.finite
    assert (result["first"].map >= 0).all()
    assert maps.curve.shape == (1, BANDS, 3)
    width = np.diff(maps.log_snr).mean()
    np.testing.assert_allclose(np.nansum(maps.curve[0, :, 2]) * width, result["both"].total[0], rtol=0.05)


def test_bands_of_noise_levels_add_up_to_the_maps():
    evaluation, _ = run("COR", "a0 b1", noises=256)
    assert len(evaluation.bands) == MAP_BANDS
    np.testing.assert_allclose(evaluation.bands.sum(0), evaluation.distance.mean(0))
    spectrum = evaluation.spectrum[..., : len(evaluation.conditions.edges)].sum(1)
    np.testing.assert_allclose(spectrum, evaluation.distance.sum((2, 3)))


def test_the_tail_below_the_lowest_level_is_what_a_wider_range_finds_there():
    log_snr = AnalyticDenoiser(GATES["RDN"]).log_snr
    lowest = float(NoiseLevels.of(log_snr).bands()[5])
    _, short = run("RDN", "a0 b0", 4096, batch=4096, design=NoiseLevels.of(log_snr, lowest=lowest))
    _, whole = run("RDN", "a0 b0", 4096, batch=4096)
    below = whole.curve[0, :5, 2].sum() * np.diff(whole.log_snr).mean()
    assert short.tail[0, 2] == pytest.approx(below, rel=0.1)


def test_independent_words_act_in_their_own_patches():
    _, maps = run("UNQ", "a0 b1", noises=256)
    first = maps.maps.maps["first"].mean(1)[0]
    assert first[:, :4].sum() > 0.3
    assert first[:, 4:].sum() < 1e-6
    assert decompose(maps.maps, "mmi")["redundancy"].total[0] < 1e-6


def test_later_rounds_have_noises_of_their_own_and_refine_what_is_there():
    (_, first), (_, again), (_, more) = (run("COR", "a0 b1", 1024, done=done) for done in (0, 0, 1024))
    one, same, other, mixed = (
        decompose(maps.maps, "mmi")["both"] for maps in (first, again, more, first.mixed(more, 0.5))
    )
    assert one.total == same.total != other.total
    assert mixed.total[0] == pytest.approx((one.total[0] + other.total[0]) / 2, rel=1e-5)
    assert mixed.total_se[0] < max(one.total_se[0], other.total_se[0])
    halves = first.mixed(more, 0.5)
    np.testing.assert_allclose(sum(halves.bands["both"][0]), halves.maps.maps["both"].mean(1)[0], rtol=1e-4, atol=1e-9)
    assert np.isfinite(halves.curve).all()


def test_rounds_fill_the_budget_and_double_towards_a_target():
    assert list(Budget(256).rounds()) == [256]
    assert list(Budget(256).rounds(64)) == [192]
    assert list(Budget(512, 0.05).rounds()) == [64, 64, 128, 256]
    assert list(Budget(512, 0.05).rounds(448)) == [64]
    assert list(Budget(64).rounds(64)) == []


def test_independent_sampling_agrees_with_ours():
    levels = NoiseLevels.of(AnalyticDenoiser(GATES["RDN"]).log_snr)
    independent = Logistic(**vars(levels), location=-2.0, scale=2.0, clip=6.0)
    totals = [
        decompose(run("RDN", "a0 b0", 16384, batch=4096, design=design)[1].maps, "mmi")["both"]
        for design in (levels, independent)
    ]
    error = np.hypot(*(total.total_se[0] for total in totals))
    assert abs(totals[0].total[0] - totals[1].total[0]) < 4 * error


def test_out_of_memory_batches_are_halved_and_nothing_is_lost():
    small = Faulty(GATES["COR"])
    small.room = 5
    (found, _), (expected, _) = run("COR", "a0 b0", denoiser=small), run("COR", "a0 b0")
    np.testing.assert_allclose(found.distance, expected.distance, rtol=1e-4)


def test_what_does_not_fit_at_all_is_said_with_the_mend():
    small = Faulty(GATES["COR"])
    small.room = 0
    with pytest.raises(InputError, match="does not fit into the memory of cpu"):
        run("COR", "a0 b0", denoiser=small)


@pytest.mark.parametrize(("waits", "retried"), [(True, 32), (False, 128)], ids=["one by one", "as a GPU does"])
def test_values_that_are_not_finite_are_asked_again_and_counted(waits, retried):
    faulty = Faulty(GATES["COR"])
    faulty.coarse = True
    (found, _), (expected, _) = run("COR", "a0 b0", 32, denoiser=faulty, waits=waits), run("COR", "a0 b0", 32)
    np.testing.assert_allclose(found.distance, expected.distance, rtol=1e-4)
    assert found.retried == retried


def test_batches_that_are_asked_ahead_are_counted_once():
    (ahead, _), (expected, _) = (run("COR", "a0 b0", 48, batch=5, waits=waits) for waits in (False, True))
    assert np.array_equal(ahead.distance, expected.distance)
    assert (ahead.noises, ahead.retried) == (48, 0)


def test_values_that_stay_infinite_are_refused():
    faulty = Faulty(GATES["COR"])
    faulty.coarse, faulty.precise = True, False
    with pytest.raises(InputError, match="not finite, in float64 too"):
        run("COR", "a0 b0", denoiser=faulty)
