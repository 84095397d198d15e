"""What rows of a batch have in common is computed once, and predictions stay as they are."""

import logging

import pytest
import torch
from torch import nn

from compute.models import registry
from compute.models.replay.sharing import LATENTS, TEXT, Alike, SharedWork


def asked(denoiser):
    """Predictions of 3 noisy latents under 4 texts."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(3, *denoiser.latent_shape, generator=generator).repeat_interleave(4, 0)
    encoded = denoiser.encode(["", "a cat", "a dog", "a cat and a dog"]).select(torch.arange(4).repeat(3))
    return denoiser.predict_noise(z, torch.tensor([100, 100, 700]).repeat_interleave(4), encoded)


def test_shared_work_leaves_predictions_as_they_are(pipeline_folder):
    denoiser = registry.load(str(pipeline_folder), device="cpu")
    shared = asked(denoiser)
    assert denoiser._shared.modules > 4
    denoiser._shared.remove()
    torch.testing.assert_close(asked(denoiser), shared, rtol=1e-5, atol=1e-5)


def test_rows_are_alike_by_latents_with_their_level_and_by_text():
    z = torch.tensor([1.0, 1.0, 2.0, 1.0]).view(4, 1)
    alike = Alike.of(z, torch.tensor([5, 5, 5, 6]), torch.tensor([3, 4, 3, 4]))
    assert alike.place[LATENTS].tolist() == [0, 0, 1, 2]
    assert alike.first[TEXT].tolist() == [0, 1]
    assert alike.kinds == [LATENTS, TEXT]


class Both(nn.Module):
    """A part that sees the latents, one that sees the text, and one that sees both; it counts rows."""

    def __init__(self, drifts=False):
        super().__init__()
        self.image, self.words, self.mixed, self.drifts = nn.Linear(1, 2), nn.Linear(1, 2), nn.Linear(2, 1), drifts
        self.rows = []
        self.image.register_forward_pre_hook(lambda _, given: self.rows.append(len(given[0])))

    def forward(self, z, text):
        self.rows.append(0)
        drift = len(self.rows) if self.drifts else 0
        return self.mixed(self.image(z) + self.words(text)) + drift


@pytest.mark.parametrize("drifts", [False, True])
def test_what_depends_on_latents_or_text_alone_is_asked_once(drifts, caplog):
    network, z = Both(drifts), torch.tensor([[1.0], [1.0], [2.0], [2.0]])
    text, alike = torch.tensor([[3.0], [4.0], [3.0], [4.0]]), Alike.of(z, torch.ones(4), torch.tensor([0, 1, 0, 1]))
    with torch.inference_mode(), caplog.at_level(logging.WARNING):
        shared = SharedWork(network, lambda: network(z, text), alike)
        assert shared.modules == (0 if drifts else 2)
        assert ("nothing is shared" in caplog.text) == drifts
        plain = network(z, text)
        with shared.between(alike):
            torch.testing.assert_close(network(z, text), plain + drifts * 2)
