"""The picture autoencoder of the embedded model: training, whitening, and the decoder's last polish."""

import math
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from diffusers import AutoencoderKL
from torch import Tensor

from compute.embedded import parallel
from compute.embedded.optimizer import set_rate

BATCH = {"cpu": 12, "cuda": 128}  # pictures a process and step
LUMA = torch.tensor([0.299, 0.587, 0.114])


def new() -> AutoencoderKL:
    """An untrained autoencoder, 64 x 64 x 3 to 16 x 16 x 4."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(16, 32, 64),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=64,
        scaling_factor=1.0,
    )


def to_tensor(pictures: Tensor) -> Tensor:
    """uint8 (..., H, W, 3) to float32 (..., 3, H, W) in [-1, 1]."""
    return pictures.movedim(-1, -3).float() / 127.5 - 1


class PictureSampler:
    """Draws batches of single pictures and of two-object scenes, every fifth one.

    `singles` and `scenes` are uint8 (N, H, W, 3); batches are on the device of the training.
    """

    def __init__(self, singles: np.ndarray, scenes: np.ndarray):
        self.singles, self.scenes = (torch.from_numpy(kind).to(parallel.device()) for kind in (singles, scenes))

    def draw(self) -> Tensor:
        """One batch (B, 3, H, W) in [-1, 1]."""
        count = BATCH[self.singles.device.type]
        drawn = [
            kind[torch.randint(len(kind), (size,), device=kind.device)]
            for kind, size in ((self.singles, count - count // 5), (self.scenes, count // 5))
        ]
        return to_tensor(torch.cat(drawn))


def reconstruction_loss(output: Tensor, target: Tensor) -> Tensor:
    """L1 + 2 MSE + 0.3 gradient in luma and chroma, chroma three times: RGB alone learns luminance first."""
    luma = LUMA.view(1, 3, 1, 1).to(output.device)
    difference = output - target
    y = (difference * luma).sum(1, keepdim=True)
    planes = torch.cat([y, 3 * 0.564 * (difference[:, 2:] - y), 3 * 0.713 * (difference[:, :1] - y)], 1)
    edges = planes.diff(dim=-1).abs().mean() + planes.diff(dim=-2).abs().mean()
    return planes.abs().mean() + 2 * planes.square().mean() + 0.3 * edges


def train(folder: Path, sampler: PictureSampler, minutes: float, log) -> None:
    """Train an autoencoder on every process for `minutes`, to `folder/autoencoder.pt`."""
    torch.manual_seed(0)
    model = new().to(parallel.device())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.5e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    clock = parallel.Clock(minutes, folder / "autoencoder.pt", {"model": model, "optimizer": optimizer})
    torch.manual_seed(17 * clock.step + dist.get_rank())
    for share in clock:
        set_rate(optimizer, 1.5e-3 * min(1, clock.step / 100 + 0.01) * _cosine_tail(share, 0.3))
        batch = sampler.draw()
        with torch.autocast(batch.device.type, torch.bfloat16):
            posterior = model.encode(batch).latent_dist
            output = model.decode(posterior.sample()).sample
        loss = reconstruction_loss(output.float(), batch) + 1e-6 * posterior.kl().mean()
        _step(model, optimizer, loss)
        if clock.step % 100 == 0:
            log(stage="autoencoder", step=clock.step, share=share, loss=loss.item(), psnr=_psnr(output.float(), batch))


def polish(model: AutoencoderKL, folder: Path, sampler: PictureSampler, minutes: float, log) -> None:
    """Train only the decoder of `model` for `minutes`, on fixed latents with noise up to 0.1."""
    model.to(parallel.device()).requires_grad_(False)
    trained = [*model.decoder.parameters(), *model.post_quant_conv.parameters()]
    for parameter in trained:
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(trained, lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    clock = parallel.Clock(minutes, folder / "decoder.pt", {"model": model, "optimizer": optimizer})
    torch.manual_seed(29 * clock.step + dist.get_rank() + 1000)
    for share in clock:
        set_rate(optimizer, 1e-3 * _cosine_tail(share, 0.2))
        batch = sampler.draw()
        with torch.autocast(batch.device.type, torch.bfloat16):
            latent = model.encode(batch).latent_dist.mode().float()
            level = 0.1 * torch.rand(len(batch), 1, 1, 1, device=batch.device)
            output = model.decode(latent + level * torch.randn_like(latent)).sample
        loss = reconstruction_loss(output.float(), batch)
        _step(model, optimizer, loss)
        if clock.step % 100 == 0:
            log(stage="decoder", step=clock.step, share=share, loss=loss.item(), psnr=_psnr(output.float(), batch))


@torch.inference_mode()
def quality(model: AutoencoderKL, pictures: np.ndarray) -> float:
    """Peak signal to noise ratio in dB of uint8 pictures (N, H, W, 3) from their own latents, of their mean error."""
    latents = encode(model, pictures).split(64)
    output = torch.cat([model.decode(latent).sample.clamp(-1, 1) for latent in latents])
    return _psnr(output, to_tensor(torch.from_numpy(pictures)))


@torch.inference_mode()
def encode(model: AutoencoderKL, pictures: np.ndarray) -> Tensor:
    """Posterior means of uint8 pictures (N, H, W, 3), float32 (N, 4, h, w)."""
    batches = to_tensor(torch.from_numpy(pictures)).split(64)
    return torch.cat([model.encode(batch).latent_dist.mode() for batch in batches])


@torch.no_grad()
def whiten(model: AutoencoderKL, pictures: np.ndarray) -> None:
    """Fold a linear map into both 1 x 1 convolutions, so that latents have mean 0 and covariance 1."""
    latents = encode(model, pictures).movedim(1, -1).flatten(0, 2).double()  # (N h w, 4)
    mean, covariance = latents.mean(0), latents.T.cov()
    values, vectors = torch.linalg.eigh(covariance)
    forward = vectors @ torch.diag(values.rsqrt()) @ vectors.T
    backward = vectors @ torch.diag(values.sqrt()) @ vectors.T
    quant, post = model.quant_conv, model.post_quant_conv
    weight, bias = quant.weight[:4, :, 0, 0].double(), quant.bias[:4].double()
    quant.weight[:4, :, 0, 0] = (forward @ weight).float()
    quant.bias[:4] = (forward @ (bias - mean)).float()
    post_weight = post.weight[:, :, 0, 0].double()
    post.bias += (post_weight @ mean).float()
    post.weight[:, :, 0, 0] = (post_weight @ backward).float()


def _step(model: AutoencoderKL, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    parallel.average_gradients(model.parameters())
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def _cosine_tail(share: float, start: float) -> float:
    """1 until `start`, then a half cosine down to 0.01."""
    if share < start:
        return 1.0
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (share - start) / (1 - start)))


def _psnr(output: Tensor, target: Tensor) -> float:
    return 10 * math.log10(4 / (output - target).square().mean().item())
