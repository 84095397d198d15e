"""The U-Net adapter against the pipeline's own calls."""

import numpy as np
import pytest
import torch

from compute import generate, verify
from compute.models import registry
from store.errors import InputError


@pytest.fixture(scope="module")
def denoiser(pipeline_folder):
    return registry.load(str(pipeline_folder), device="cpu")


def test_noise_predictions_equal_what_the_pipeline_computes(denoiser):
    assert verify._parity(denoiser).passed


def test_log_snr_follows_the_schedule(denoiser):
    alpha = denoiser.pipeline.scheduler.alphas_cumprod.double()
    torch.testing.assert_close(denoiser.log_snr.sigmoid(), alpha)


def test_an_image_is_decided_by_its_seed_alone(denoiser):
    together = generate.generate(denoiser, "a cat", [0, 1, 2], 1.0)
    alone = generate.generate(denoiser, "a cat", [2], 1.0)
    np.testing.assert_allclose(together[2:], alone, atol=2e-3)


def test_images_and_latents_have_the_model_s_shapes(denoiser):
    latents = generate.as_tensor(generate.generate(denoiser, "a cat", [0], 2.0))
    images = denoiser.decode(latents)
    assert (images.shape, images.dtype) == ((1, 16, 16, 3), np.uint8)
    assert denoiser.encode_image(images[0]).shape == latents.shape


def test_the_revision_of_a_folder_follows_its_weights(denoiser, tmp_path):
    denoiser.unet.save_pretrained(tmp_path / "unet", safe_serialization=True)
    first = registry._revision(tmp_path, denoiser.pipeline, None)
    denoiser.vae.save_pretrained(tmp_path / "vae", safe_serialization=True)
    assert registry._revision(tmp_path, denoiser.pipeline, None) != first


def test_a_model_without_a_usable_prediction_is_refused(denoiser):
    scheduler = denoiser.pipeline.scheduler
    original = scheduler.config.prediction_type
    scheduler.register_to_config(prediction_type="sample")
    try:
        with pytest.raises(InputError, match="'sample'"):
            type(denoiser)(denoiser.pipeline, "x", "1")
    finally:
        scheduler.register_to_config(prediction_type=original)
