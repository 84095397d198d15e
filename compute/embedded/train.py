"""Trains the embedded model from nothing: autoencoder, denoiser with text encoder, decoder polish.

`train(out, minutes)` may be killed at any time and called again; it goes on from its checkpoints.
"""

import json
import math
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from compute.embedded import autoencoder, captions, parallel, pictures, world
from compute.embedded.world import Caption, World
from compute.models.registry import VOCABULARY

SHARES = {"autoencoder": 0.13, "denoiser": 0.83, "decoder": 0.04}  # of the minutes given
IMAGES, CAPTIONS = 11, 3  # noisy latents a step and process, and captions of each
RATE, TEXT_FACTOR, CONSTANT_UNTIL = 1e-3, 2.5, 0.5
RATE_ON = 5e-4  # where weights are trained on
START = "start.pt"  # those weights
EMA_DECAY = 0.999
BETWEEN = 3.0, 27.0  # weight of what captions of one latent differ in: of pure noise, and how much more without any
LOG_SNR = (-10.0, 8.0)  # levels are drawn from all of it for one latent in four
DECISIVE = (-9.0, 2.0)  # and for the others from here, where it is decided what a picture shows
JUDGED = 64  # pictures whose information is held against the truth at each report


def train(out: Path, minutes: float, start: Path | None = None) -> Path:
    """Train into `out` for `minutes` altogether; returns the folder of the finished pipeline.

    `start` is the folder of a pipeline trained before, to go on from: its autoencoder is kept, the denoiser begins with
    its weights, and words that it did not know begin anew. `out` keeps the downloaded packages, the checkpoints and
    `train.jsonl`, one line a report.
    """
    out.mkdir(parents=True, exist_ok=True)
    pictures.download(out / "packages")
    if start and not (out / START).exists():
        _begin_from(start, out)
    stages = (_train_denoiser, _polish_decoder) if start else (_train_autoencoder, _train_denoiser, _polish_decoder)
    for stage in stages:
        parallel.launch(stage, out, minutes)
    return _save(out)


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
    """An untrained denoiser on 16 x 16 x 4 latents."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=(64, 128),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=128,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """An untrained text encoder, 128 wide."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=tokenizer.model_max_length,
            projection_dim=128,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _sampler(out: Path, seed: int) -> autoencoder.PictureSampler:
    shown = pictures.load(out / "packages")
    return autoencoder.PictureSampler(shown, world.scenes(shown)[0], seed)


def _train_autoencoder(out: Path, minutes: float) -> None:
    budget = minutes * SHARES["autoencoder"]
    autoencoder.train(out, partial(_sampler, out), budget, partial(_log, out))


def _polish_decoder(out: Path, minutes: float) -> None:
    budget = minutes * SHARES["decoder"]
    autoencoder.polish(_whitened(out), out, partial(_sampler, out), budget, partial(_log, out))


def _whitened(out: Path) -> AutoencoderKL:
    """The trained autoencoder with whitened latents, always the same for the same checkpoint."""
    model = autoencoder.new().eval()
    model.load_state_dict(torch.load(out / "autoencoder.pt", weights_only=True)["model"])
    shown = pictures.load(out / "packages")
    autoencoder.whiten(model, np.stack([picture.draw() for picture in shown]))
    return model


def _world(out: Path) -> World:
    """The world as latents, encoded once."""
    shown, model = pictures.load(out / "packages"), _whitened(out)
    drawn = np.stack([[p.draw(shift) for shift in pictures.SHIFTS] for p in shown])
    singles = autoencoder.encode(model, drawn.reshape(-1, *drawn.shape[2:])).unflatten(0, drawn.shape[:2])
    parts, _ = world.scenes(shown)
    scenes = np.stack([pictures.draw_scene(shown[left], shown[right]) for left, right in parts])
    return World(shown, singles, parts, autoencoder.encode(model, scenes))


class Learner(nn.Module):
    """Text encoder and denoiser, trained jointly to predict v."""

    def __init__(self):
        super().__init__()
        self.tokenizer = captions.tokenizer()
        self.text = text_encoder(self.tokenizer)
        self.unet = denoiser()
        self.alphas = scheduler().alphas_cumprod

    def predict(self, z: Tensor, level: Tensor, texts: list[str]) -> Tensor:
        """v for noisy latents z (B, c, h, w) at trained levels (B,)."""
        ids = self.tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):  # others are slow backwards
            return self.unet(z, level, encoder_hidden_states=self.text(ids)[0]).sample.float()

    def loss(self, world: World, random: np.random.Generator) -> Tensor:
        """Squared error of v against the best prediction in `world`, of captions that share latent, noise and level.

        What is common to them counts little where it is mere detail; what they differ in is information, and counts
        most where there should be none.
        """
        latents, said = world.draw(random, IMAGES, CAPTIONS)
        level = self.levels(IMAGES)
        predicted, best = self._predictions(world, latents, level, said)
        off = predicted - best
        alpha = self.alphas[level].view(-1, 1, 1, 1, 1)
        common = (5 * (1 - alpha)).clamp(max=1) * off.square()
        between = BETWEEN[0] + BETWEEN[1] * alpha
        return (common + between * (off - off.mean(1, keepdim=True)).square()).mean()

    def levels(self, count: int) -> Tensor:
        """Trained levels (count,), from strata of log SNR."""
        strata = (torch.randperm(count) + torch.rand(count)) / count
        ends = torch.tensor([LOG_SNR, DECISIVE, DECISIVE, DECISIVE])[torch.arange(count) % 4]
        return self._level_of(torch.lerp(ends[:, 0], ends[:, 1], strata).sigmoid())

    def _level_of(self, alpha: Tensor) -> Tensor:
        """The trained levels at these values of alphas_cumprod."""
        last = len(self.alphas) - 1
        return last - torch.searchsorted(self.alphas.flip(0), alpha).clamp(max=last)

    def _predictions(
        self, world: World, latents: Tensor, level: Tensor, said: Sequence[Caption]
    ) -> tuple[Tensor, Tensor]:
        """Predicted and best v, each (N, C, c, h, w), of N latents and the C captions of each."""
        each = len(said) // len(latents)
        alpha = self.alphas[level].view(-1, 1, 1, 1)
        z = alpha.sqrt() * latents + (1 - alpha).sqrt() * torch.randn_like(latents)
        z, level, alpha = (values.repeat_interleave(each, 0) for values in (z, level, alpha))
        best = (alpha.sqrt() * z - world.expected(z, alpha.flatten(), said)) / (1 - alpha).sqrt()
        predicted = self.predict(z, level, [" ".join(caption) for caption in said])
        return predicted.unflatten(0, (-1, each)), best.unflatten(0, (-1, each))

    @torch.no_grad()
    def judged(self, world: World) -> dict[str, float]:
        """Information of full captions, and how far it is from the truth: in nats an image, over LOG_SNR.

        `truth` and `measured` are 1/2 Int (e(z) - e(z|caption))^2 da of the best prediction and of this one, `off` is
        the same of the error of that difference, `full` of the error under the caption, details of pictures included.
        """
        before = torch.random.get_rng_state()
        torch.manual_seed(7)
        low, high = LOG_SNR
        level = self._level_of((low + (high - low) * torch.linspace(0, 1, JUDGED)).sigmoid())
        latents, said = world.draw(np.random.default_rng(7), JUDGED, 2)
        said = [caption if place % 2 == 0 else ("",) for place, caption in enumerate(said)]
        predicted, best = self._predictions(world, latents, level, said)
        torch.random.set_rng_state(before)
        nats = 0.5 * (high - low) * self.alphas[level].view(-1, 1, 1, 1)
        shift, true = predicted[:, 0] - predicted[:, 1], best[:, 0] - best[:, 1]
        parts = {"truth": true, "measured": shift, "off": shift - true, "full": predicted[:, 0] - best[:, 0]}
        return {name: (nats * part.square()).sum((1, 2, 3)).mean().item() for name, part in parts.items()}


def _begin_from(folder: Path, out: Path) -> None:
    """Lay out the weights of the pipeline in `folder` as those that training in `out` begins with."""
    trained = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, safety_checker=None)
    torch.save({"model": trained.vae.state_dict()}, out / "autoencoder.pt")
    learner = Learner()
    learner.unet.load_state_dict(trained.unet.state_dict())
    known = trained.text_encoder.state_dict()
    (name,) = (name for name in known if name.endswith("token_embedding.weight"))
    before, places = known.pop(name), trained.tokenizer.get_vocab()
    learner.text.load_state_dict(known, strict=False)
    embedding = learner.text.get_parameter(name)
    with torch.no_grad():
        for token, place in learner.tokenizer.get_vocab().items():
            if token in places:
                embedding[place] = before[places[token]]
    torch.save(learner.state_dict(), out / START)


def _train_denoiser(out: Path, minutes: float) -> None:
    rank = dist.get_rank()
    torch.manual_seed(0)
    learner, average = Learner(), Learner().requires_grad_(False)
    started = (out / START).exists()
    if started:
        learner.load_state_dict(torch.load(out / START, weights_only=True))
    average.load_state_dict(learner.state_dict())
    parameters = [
        {"params": list(learner.unet.parameters()), "factor": 1.0},
        {"params": list(learner.text.parameters()), "factor": TEXT_FACTOR},
    ]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, betas=(0.9, 0.99), weight_decay=0.01)
    state = {"model": learner, "average": average, "optimizer": optimizer}
    clock = parallel.Clock(minutes * SHARES["denoiser"], out / "denoiser.pt", state)
    torch.manual_seed(31 * clock.step + rank)
    shown, random = _world(out), np.random.default_rng(31 * clock.step + rank)
    smoothed = 0.0
    for share in clock:
        autoencoder.set_rate(optimizer, (RATE_ON if started else RATE) * _schedule(share, clock.step))
        loss = learner.loss(shown, random)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parallel.average_gradients(learner.parameters())
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            decay = min(EMA_DECAY, (1 + clock.step) / (10 + clock.step))
            torch._foreach_lerp_(list(average.parameters()), list(learner.parameters()), 1 - decay)
        smoothed = loss.item() if clock.step == 0 else 0.99 * smoothed + 0.01 * loss.item()
        if clock.step % 500 == 0 and rank == 0:
            _log(out, stage="denoiser", step=clock.step, share=share, loss=smoothed, **average.judged(shown))


def _schedule(share: float, step: int) -> float:
    warm = min(1.0, (step + 1) / 100)
    if share < CONSTANT_UNTIL:
        return warm
    return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (share - CONSTANT_UNTIL) / (1 - CONSTANT_UNTIL))))


def _log(out: Path, **report) -> None:
    if dist.get_rank() == 0:
        with (out / "train.jsonl").open("a") as file:
            print(json.dumps({"time": round(time.time()), **report}), file=file)


def _save(out: Path) -> Path:
    """Write the pipeline in half precision to `out/model`."""
    model = autoencoder.new()
    model.load_state_dict(torch.load(out / "decoder.pt", weights_only=True)["model"])
    learner = Learner()
    learner.load_state_dict(torch.load(out / "denoiser.pt", weights_only=True)["average"])
    pipeline = StableDiffusionPipeline(
        vae=model,
        text_encoder=learner.text,
        tokenizer=learner.tokenizer,
        unet=learner.unet,
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(torch.float16).save_pretrained(out / "model", safe_serialization=True)
    (out / "model" / VOCABULARY).write_text("\n".join(captions.words()) + "\n", encoding="utf-8")
    return out / "model"
