"""The denoiser and the text encoder of the embedded model, untrained, and what they are trained towards."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from compute.embedded import captions
from compute.embedded.world import World

WIDTH = 128  # of the text encoder
OWN, BETWEEN = 4.0, (4.0, 26.0)  # weight of the full caption; of the others: of pure noise, and how much more without
LOG_SNR = (-10.0, 8.0)  # levels are drawn from all of it for one latent in four
DECISIVE = (-9.0, 2.0)  # and for the others from here, where it is decided what a picture shows
JUDGED = 256  # pictures whose information is held against the truth at each report
AT_ONCE = 64  # of them


def scheduler() -> DDIMScheduler:
    """The noise schedule: cosine, v-prediction."""
    return DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
    )


def denoiser() -> UNet2DConditionModel:
    """An untrained denoiser on 16 x 16 x 4 latents.

    Its lowest level is 2 x 2, where each layer sees the whole latent: which picture is in a noisy latent can only be
    told from all of it.
    """
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=(64, 128, 128, 160),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """An untrained text encoder of two layers."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=3 * WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=tokenizer.model_max_length,
            projection_dim=WIDTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


class Examples(NamedTuple):
    """Noisy latents (N, c, h, w) at trained levels (N,), each with the indices of C captions (N, C)."""

    z: Tensor
    level: Tensor
    said: Tensor

    def part(self, chosen: Tensor | slice) -> "Examples":
        """Those at these places."""
        return Examples(self.z[chosen], self.level[chosen], self.said[chosen])

    def joined(self, other: "Examples") -> "Examples":
        """These and others."""
        return Examples(*(torch.cat(both) for both in zip(self, other, strict=True)))


class Learner(nn.Module):
    """Text encoder and denoiser, trained jointly to predict v."""

    alphas: Tensor

    def __init__(self):
        super().__init__()
        self.tokenizer = captions.tokenizer()
        self.text = text_encoder(self.tokenizer)
        self.unet = denoiser()
        self.register_buffer("alphas", scheduler().alphas_cumprod, persistent=False)
        self.last, self.dtype = len(self.alphas) - 1, torch.float32

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Token ids (N, length) of texts, filled up with the token that ends them."""
        ids = self.tokenizer(list(texts), padding="max_length", truncation=True, return_tensors="pt").input_ids
        return ids.to(self.alphas.device)

    def predict(self, z: Tensor, level: Tensor, ids: Tensor) -> Tensor:
        """v for noisy latents z (B, c, h, w) at trained levels (B,), under texts with these token ids (B, length)."""
        autocast = torch.autocast(z.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)
        plain = SDPBackend.MATH if z.device.type == "cpu" else SDPBackend.EFFICIENT_ATTENTION  # fused: slow backwards
        with autocast, sdpa_kernel([plain, SDPBackend.MATH]):
            return self.unet(z, level, encoder_hidden_states=self.text(ids)[0]).sample.float()

    def choose_precision(self, count: int) -> None:
        """Compute in bfloat16 from now on, on a CPU only where `count` predictions with gradients are faster."""
        if self.alphas.is_cuda:
            self.dtype = torch.bfloat16
            return
        z = torch.randn(count, self.unet.config.in_channels, *[self.unet.config.sample_size] * 2)
        level, ids = torch.zeros(count, dtype=torch.long), self.tokens([""] * count)
        taken: dict[torch.dtype, float] = {}
        for self.dtype in (torch.float32, torch.bfloat16) * 3:
            started = time.process_time()
            self.predict(z, level, ids).square().mean().backward()
            spent = time.process_time() - started
            taken[self.dtype] = min(spent, taken.get(self.dtype, spent))
        self.zero_grad(set_to_none=True)
        self.dtype = min(taken, key=taken.__getitem__)

    def loss(self, world: World, tokens: Tensor, shown: Examples) -> Tensor:
        """Error of v against the best prediction in `world`, of captions that share latent, noise and level.

        `tokens` (U, length) are the token ids of the texts of `world`. The full caption counts by its own error, and
        little where that is of mere detail. The others count by how their errors differ from its error: that is the
        error of information, and counts most where there should be none. Nothing draws the full caption to them, as
        it knows best what the picture is.
        """
        predicted, best = self._predictions(world, tokens, shown)
        off = predicted - best
        full, others = off[:, :1], off[:, 1:]
        alpha = self.alphas[shown.level].view(-1, 1, 1, 1, 1)
        detail = (5 * (1 - alpha)).clamp(max=1)
        own = OWN * detail * full.square()
        between = detail * others.square() + (BETWEEN[0] + BETWEEN[1] * alpha) * (others - full.detach()).square()
        return torch.cat([own, between], 1).mean()

    def noisy(self, world: World, count: int, captions_each: int) -> Examples:
        """Noisy latents of pictures of `world`, as they are shown in training."""
        latents, said = world.draw(count, captions_each)
        level = self.levels(count)
        return Examples(self._add_noise(latents, level), level, said)

    @torch.no_grad()
    def visited(self, world: World, tokens: Tensor, prompts: int, steps: int, captions_each: int) -> Examples:
        """Noisy latents that images of `prompts` captions pass while they are drawn in `steps` steps at guidance 1.

        Where the model errs it leaves the noisy pictures that it was shown. In a finite world the best prediction is
        known there too, and is the way back. The first caption of each is the one that its image is drawn by, in full
        for every other one.
        """
        thing = world.things(prompts)
        said = world.captions(thing, captions_each)
        said[::2, 0] = world.own(thing, 1)[::2, 0]
        levels = self.last - (len(self.alphas) / steps * torch.arange(steps)).round().long().to(said.device)
        z = torch.randn(prompts, *world.latents.shape[1:], device=said.device)
        states = []
        for level, following in zip(levels, [*self.alphas[levels[1:]], self.alphas.new_ones(())], strict=True):
            states.append(z)
            v, alpha = self.predict(z, level.expand(prompts), tokens[said[:, 0]]), self.alphas[level]
            clean, noise = alpha.sqrt() * z - (1 - alpha).sqrt() * v, alpha.sqrt() * v + (1 - alpha).sqrt() * z
            z = following.sqrt() * clean + (1 - following).sqrt() * noise
        return Examples(torch.cat(states), levels.repeat_interleave(prompts), said.repeat(steps, 1))

    def levels(self, count: int) -> Tensor:
        """Trained levels (count,), from strata of log SNR."""
        strata = (torch.randperm(count) + torch.rand(count)) / count
        ends = torch.tensor([LOG_SNR, DECISIVE, DECISIVE, DECISIVE])[torch.arange(count) % 4]
        return self.level_of(torch.lerp(ends[:, 0], ends[:, 1], strata).to(self.alphas))

    def level_of(self, log_snr: Tensor) -> Tensor:
        """The trained levels at these logarithms of the ratio of signal to noise."""
        return self.last - torch.searchsorted(self.alphas.flip(0), log_snr.sigmoid()).clamp(max=self.last)

    def _add_noise(self, latents: Tensor, level: Tensor) -> Tensor:
        alpha = self.alphas[level].view(-1, 1, 1, 1)
        return alpha.sqrt() * latents + (1 - alpha).sqrt() * torch.randn_like(latents)

    def _predictions(self, world: World, tokens: Tensor, shown: Examples) -> tuple[Tensor, Tensor]:
        """Predicted and best v, each (N, C, c, h, w), of N noisy latents and the C captions of each."""
        each, said = shown.said.shape[1], shown.said.flatten()
        z, level = shown.z.repeat_interleave(each, 0), shown.level.repeat_interleave(each, 0)
        alpha = self.alphas[level].view(-1, 1, 1, 1)
        best = (alpha.sqrt() * z - world.expected(z, alpha.flatten(), said)) / (1 - alpha).sqrt()
        predicted = self.predict(z, level, tokens[said])
        return predicted.unflatten(0, (-1, each)), best.unflatten(0, (-1, each))

    @torch.no_grad()
    def judged(self, world: World, tokens: Tensor, count: int = JUDGED) -> dict[str, float]:
        """Information of full captions, and how far it is from the truth: in nats an image, over LOG_SNR.

        Means over `count` pictures: `truth` and `measured` are 1/2 Int (e(z) - e(z|caption))^2 da of the best
        prediction and of this one, `off` is the same of the error of that difference; `full` and `empty` of the error
        under the caption and without one, up to the end of DECISIVE, beyond which it is of details of pictures.
        """
        low, high = LOG_SNR
        found: dict[str, list[Tensor]] = {}
        with torch.random.fork_rng([self.alphas.device] if self.alphas.is_cuda else []):
            torch.manual_seed(7)
            for log_snr in torch.linspace(low, high, count).to(self.alphas).split(AT_ONCE):
                level = self.level_of(log_snr)
                latents, said = world.draw(len(level), 2)
                said[:, 1] = world.index[""]
                predicted, best = self._predictions(
                    world, tokens, Examples(self._add_noise(latents, level), level, said)
                )
                nats = 0.5 * (high - low) * self.alphas[level].view(-1, 1, 1, 1)
                shift, true = predicted[:, 0] - predicted[:, 1], best[:, 0] - best[:, 1]
                decisive = (log_snr < DECISIVE[1]).view(-1, 1, 1, 1)
                parts = {"truth": true, "measured": shift, "off": shift - true}
                parts |= {"full": decisive * (predicted - best)[:, 0], "empty": decisive * (predicted - best)[:, 1]}
                for name, part in parts.items():
                    found.setdefault(name, []).append((nats * part.square()).sum((1, 2, 3)))
        return {name: torch.cat(values).mean().item() for name, values in found.items()}
