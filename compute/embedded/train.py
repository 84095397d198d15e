"""Trains the embedded model from nothing: autoencoder, denoiser with text encoder, decoder polish.

`train(out, minutes)` may be killed at any time and called again; it goes on from its checkpoints.
"""

import itertools
import json
import math
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from compute.embedded import autoencoder, captions, parallel, pictures
from compute.embedded.captions import Batch, CaptionedLatents
from compute.models.registry import VOCABULARY

SHARES = {"autoencoder": 0.13, "denoiser": 0.83, "decoder": 0.04}  # of the minutes given
SLOTS = (  # until this share of the denoiser's training: couples, bare roles, objects in each process's batch
    (0.35, ((3, 2, 5), (2, 2, 7))),  # gender
    (0.80, ((1, 1, 10), (1, 1, 10))),  # objects
    (1.00, ((3, 1, 6), (3, 1, 6))),  # tone, which the second part forgets
)
RATE, TEXT_FACTOR, CONSTANT_UNTIL = 1e-3, 2.5, 0.6
EMA_DECAY = 0.998
LEVEL_SKEW = 0.7  # below 1 favours high noise, where the words decide the layout
SCENE_COUNT = 3000


def train(out: Path, minutes: float) -> Path:
    """Train into `out` for `minutes` altogether; returns the folder of the finished pipeline.

    `out` keeps the downloaded packages, the checkpoints and `train.jsonl`, one line a report.
    """
    out.mkdir(parents=True, exist_ok=True)
    pictures.download(out / "packages")
    for stage in (_train_autoencoder, _train_denoiser, _polish_decoder):
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


def parts_of_scenes(shown: list[pictures.Picture]) -> list[pictures.Picture]:
    """The pictures that two-object scenes are made of."""
    names = set(pictures.definitions()["scenes"]["of"])
    return [p for p in shown if p.name in names or p.group == "shapes"]


def _sampler(out: Path, seed: int) -> autoencoder.PictureSampler:
    shown = pictures.load(out / "packages")
    return autoencoder.PictureSampler(shown, parts_of_scenes(shown), seed)


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


def _examples(out: Path, rank: int, seed: int) -> CaptionedLatents:
    """The training examples of one process, encoded once."""
    shown, model = pictures.load(out / "packages"), _whitened(out)
    drawn = np.stack([[p.draw(shift) for shift in pictures.SHIFTS] for p in shown])
    singles = autoencoder.encode(model, drawn.reshape(-1, *drawn.shape[2:])).unflatten(0, drawn.shape[:2])
    parts = [shown.index(part) for part in parts_of_scenes(shown)]
    order = np.random.default_rng(5 + rank)
    chosen = order.permutation(list(itertools.permutations(parts, 2)))[:SCENE_COUNT]
    shifts = [pictures.SHIFTS[i] for i in order.integers(len(pictures.SHIFTS), size=len(chosen))]
    scenes = [
        pictures.draw_scene(shown[left], shown[right], shift)
        for (left, right), shift in zip(chosen, shifts, strict=True)
    ]
    encoded = autoencoder.encode(model, np.stack(scenes))
    return CaptionedLatents(shown, singles, [tuple(pair) for pair in chosen], encoded, seed)


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
        with torch.autocast("cpu", torch.bfloat16):
            return self.unet(z, level, encoder_hidden_states=self.text(ids)[0]).sample.float()

    def loss(self, batch: Batch) -> Tensor:
        """Weighted v-error; members of a group share noise and level."""
        groups = int(batch.group.max()) + 1
        strata = (torch.randperm(groups) + torch.rand(groups)) / groups
        level = (strata**LEVEL_SKEW * len(self.alphas)).long()[batch.group]
        noise = torch.randn(groups, *batch.latents.shape[1:])[batch.group]
        alpha = self.alphas[level].view(-1, 1, 1, 1)
        z = alpha.sqrt() * batch.latents + (1 - alpha).sqrt() * noise
        target = alpha.sqrt() * noise - (1 - alpha).sqrt() * batch.latents
        snr = alpha / (1 - alpha)
        weight = batch.weight * (5 / (snr + 1)).clamp(max=1)
        return (weight * (self.predict(z, level, batch.captions) - target).square()).mean()

    @torch.no_grad()
    def gender_gain(self, examples: CaptionedLatents) -> float:
        """How much of the true man-woman difference the words alone bring about at high noise (0 to 1)."""
        torch_state = torch.random.get_rng_state()
        torch.manual_seed(7)
        gains = []
        for role, tone in itertools.product(examples.roles, examples.tones):
            man, woman = (examples.singles[examples.by_person[role, g, tone], 4] for g in ("man", "woman"))
            level = torch.randint(750, 980, (1,)).expand(2)
            alpha = self.alphas[level].view(-1, 1, 1, 1)
            z = alpha.sqrt() * man + (1 - alpha).sqrt() * torch.randn_like(man)
            v = self.predict(z, level, [f"a {word} {role} with {tone} skin" for word in ("male", "female")])
            estimate = alpha.sqrt() * z - (1 - alpha).sqrt() * v
            true = man - woman
            gains.append((((estimate[0] - estimate[1]) * true).sum() / true.square().sum()).item())
        torch.random.set_rng_state(torch_state)
        return float(np.mean(gains))


def _train_denoiser(out: Path, minutes: float) -> None:
    rank = dist.get_rank()
    torch.manual_seed(0)
    learner, average = Learner(), Learner().requires_grad_(False)
    average.load_state_dict(learner.state_dict())
    parameters = [
        {"params": list(learner.unet.parameters()), "factor": 1.0},
        {"params": list(learner.text.parameters()), "factor": TEXT_FACTOR},
    ]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, betas=(0.9, 0.99), weight_decay=0.01)
    state = {"model": learner, "average": average, "optimizer": optimizer}
    clock = parallel.Clock(minutes * SHARES["denoiser"], out / "denoiser.pt", state)
    torch.manual_seed(31 * clock.step + rank)
    examples = _examples(out, rank, seed=31 * clock.step + rank)
    smoothed = 0.0
    for share in clock:
        autoencoder.set_rate(optimizer, RATE * _schedule(share, clock.step))
        slots = next(slots for until, slots in SLOTS if share < until)[rank % 2]
        loss = learner.loss(examples.draw(share, slots, pair_weight=3.0 if share < 0.25 else 1.25))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parallel.average_gradients(learner.parameters())
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            decay = min(EMA_DECAY, (1 + clock.step) / (10 + clock.step))
            torch._foreach_lerp_(list(average.parameters()), list(learner.parameters()), 1 - decay)
        smoothed = loss.item() if clock.step == 0 else 0.99 * smoothed + 0.01 * loss.item()
        if clock.step % 200 == 0 and rank == 0:
            gain = learner.gender_gain(examples)
            _log(out, stage="denoiser", step=clock.step, share=share, loss=smoothed, gender_gain=gain)


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
