"""The adapter against the pipeline's own calls."""

import numpy as np
import pytest
import torch

from compute.estimation import images
from compute.estimation.batching import BatchedDenoiser
from compute.estimation.evaluate import evaluate
from compute.estimation.noise_levels import NoiseLevels
from compute.models import parity, registry
from compute.models.replay.precision import Weights
from compute.planning.work import STEPS
from store.prompts.conditions import of_pairs
from store.records import TokenPair
from store.words import find_word


@pytest.fixture(scope="module")
def denoiser(pipeline_folder):
    return registry.load(str(pipeline_folder), device="cpu")


def test_noise_predictions_equal_what_the_pipeline_computes(denoiser):
    assert parity.deviation(denoiser) <= 1e-5


def test_log_snr_follows_the_schedule(denoiser):
    alpha = denoiser.pipeline.scheduler.alphas_cumprod.double()
    torch.testing.assert_close(denoiser.log_snr.sigmoid(), alpha)


def test_an_image_is_decided_by_its_seed_alone(denoiser):
    together = denoiser.generate("a cat", [0, 1, 2], 1.0, STEPS)
    alone = images.generate(denoiser, "a cat", 2, 1.0, STEPS)
    np.testing.assert_allclose(together[2].half(), alone, rtol=2e-3, atol=2e-3)


def test_images_and_latents_have_the_model_s_shapes(denoiser):
    latents = images.as_tensor(images.generate(denoiser, "a cat", 0, 2.0, STEPS))[None]
    shown = denoiser.decode(latents)
    assert (shown.shape, shown.dtype) == ((1, 16, 16, 3), np.uint8)
    assert denoiser.encode_image(shown[0]).shape == latents.shape


def attended(denoiser, prompt, words, record=True):
    """Predictions for two texts, the second `prompt`, and the attention that was recorded of it."""
    z = torch.randn(4, *denoiser.latent_shape, generator=torch.Generator().manual_seed(0))
    encoded, text = denoiser.encode(["", prompt]), torch.tensor([0, 1, 0, 1])
    recorder = denoiser.attention(prompt, [find_word(prompt, word) for word in words])
    with recorder:
        forward = BatchedDenoiser(denoiser, 3)
        asked = forward.ask(z, torch.full((4,), 500), encoded, text, recorder if record else None, 1)
        predicted = forward.settle(asked)
    return predicted, recorder.maps(denoiser.latent_shape[1:]).get("attention")


def test_attention_of_evaluations_that_failed_is_not_counted(denoiser):
    faults = iter(("no memory", "not finite"))

    def fail(network, given, output):
        match next(faults, None):
            case "no memory":
                raise RuntimeError("out of memory")
            case "not finite":
                (output[0] if isinstance(output, tuple) else output.sample).fill_(torch.inf)

    _, expected = attended(denoiser, "a cat and a dog", ["cat", "dog"])
    with denoiser.network.register_forward_hook(fail):
        _, found = attended(denoiser, "a cat and a dog", ["cat", "dog"])
    assert next(faults, None) is None
    for word, values in expected.items():
        np.testing.assert_allclose(found[word], values, rtol=1e-4, atol=1e-6)


def test_recording_attention_leaves_the_output_as_it_is(denoiser):
    recorded, maps = attended(denoiser, "a cat and a dog", ["cat", "dog"])
    plain, nothing = attended(denoiser, "a cat and a dog", ["cat", "dog"], record=False)
    torch.testing.assert_close(recorded, plain, rtol=0, atol=1e-6)
    assert list(maps) == ["cat", "dog"]
    assert all(values.shape == denoiser.latent_shape[1:] and (values > 0).all() for values in maps.values())
    assert nothing is None


def test_attention_to_all_words_and_the_rest_is_one(denoiser):
    """Tokens of a word are merged by adding: a phrase has the attention of its words, and no pixel more than 1."""
    _, apart = attended(denoiser, "a cat and a dog", ["a", "cat"])
    _, phrase = attended(denoiser, "a cat and a dog", ["a cat"])
    np.testing.assert_allclose(phrase["a cat"], apart["a"] + apart["cat"], rtol=1e-4)
    assert (phrase["a cat"] < 1).all()


def test_results_do_not_depend_on_the_batch(denoiser):
    conditions = of_pairs([TokenPair.find("a cat and a dog", "cat", "dog")], denoiser)
    latent = torch.randn(denoiser.latent_shape, generator=torch.Generator().manual_seed(0))
    levels, encoded = NoiseLevels.of(denoiser.log_snr), denoiser.encode(conditions.texts)
    found = []
    for batch in (5, 64):
        last = evaluate(BatchedDenoiser(denoiser, batch), levels, latent, conditions, encoded, noises=32, seed=0)
        found.append(last.distance.sum((0, 2, 3)))
    np.testing.assert_allclose(*found, rtol=1e-4)


def test_a_coarser_precision_is_only_used_where_asked(denoiser):
    z, level = torch.randn(2, *denoiser.latent_shape), torch.tensor([100, 900])
    encoded = denoiser.encode(["a cat", "a dog"])
    exact = denoiser.predict_noise(z, level, encoded)
    with denoiser.computing_in(torch.bfloat16):
        coarse = denoiser.predict_noise(z, level, encoded)
        assert denoiser.network.dtype == torch.bfloat16  # no weight is cast at each call
        with denoiser.computing_in(torch.float32):  # as values that are not finite are
            assert torch.equal(denoiser.predict_noise(z, level, encoded), exact)
        assert torch.equal(denoiser.predict_noise(z, level, encoded), coarse)
    assert coarse.dtype == torch.float32
    assert 0 < (coarse - exact).abs().max() < 0.1
    assert torch.equal(denoiser.predict_noise(z, level, encoded), exact)


def test_channels_last_change_rounding_alone(denoiser):
    z, level, encoded = torch.randn(2, *denoiser.latent_shape), torch.tensor([100, 900]), denoiser.encode(["a", "b"])
    exact = denoiser.predict_noise(z, level, encoded)
    with denoiser.computing_in(torch.bfloat16):
        coarse = denoiser.predict_noise(z, level, encoded)
    denoiser.lay_out(True)
    assert denoiser.convolves and denoiser.network.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(denoiser.predict_noise(z, level, encoded), exact, rtol=1e-4, atol=1e-5)
    with denoiser.computing_in(torch.bfloat16):
        assert (denoiser.predict_noise(z, level, encoded) - coarse).abs().max() < 0.1
    denoiser.lay_out(False)
    torch.testing.assert_close(denoiser.predict_noise(z, level, encoded), exact, rtol=1e-4, atol=1e-5)


def test_weights_that_cannot_be_asked_coarsely_are_left_to_autocast(caplog):
    class Stubborn(torch.nn.Linear):
        def forward(self, given):
            return super().forward(given.float())

    network = Stubborn(2, 2)
    weights = Weights(network, torch.float32, torch.device("cpu"))
    before = network.weight.clone()
    assert weights.use(torch.bfloat16, lambda: network(torch.ones(1, 2))) == torch.float32
    assert "left to autocast" in caplog.text and torch.equal(network.weight, before)


def test_half_weights_can_be_asked_precisely(pipeline_folder):
    half = registry.load(str(pipeline_folder), dtype="bfloat16", device="cpu")
    assert half.dtypes == (torch.float32, torch.bfloat16)
    z, level, encoded = torch.randn(1, *half.latent_shape), torch.tensor([500]), half.encode(["a cat"])
    coarse = half.predict_noise(z, level, encoded)
    with half.computing_in(torch.float32):
        assert half.network.dtype == torch.float32
        assert not torch.equal(half.predict_noise(z, level, encoded), coarse)
    assert half.network.dtype == torch.bfloat16
