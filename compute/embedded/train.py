"""Trains the embedded model from nothing: autoencoder, denoiser with text encoder, decoder polish.

`train(out, minutes)` may be killed at any time and called again; it goes on from its checkpoints.
"""

import json
import math
import re
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from diffusers import AutoencoderKL, StableDiffusionPipeline
from torch import Tensor, nn

from compute.embedded import autoencoder, captions, parallel, pictures, world
from compute.embedded.learner import Examples, Learner, scheduler
from compute.embedded.optimizer import Optimizer
from compute.embedded.world import World
from compute.models.registry import VOCABULARY

SHARES = {"autoencoder": 0.13, "denoiser": 0.83, "decoder": 0.04}  # of the minutes given
IMAGES, CAPTIONS = {"cpu": 24, "cuda": 256}, 2  # noisy latents a step and process, and captions of each
VISITED = 0.3  # of the noisy latents are states that images of the model itself pass
PROMPTS, STEPS = 2, (12, 20, 30)  # images drawn at once for them, for each noisy latent of a step; in so many steps
RATE, TEXT_FACTOR, CONSTANT_UNTIL = 1e-3, 2.5, 0.3
RATE_ON = {"cpu": 6e-4, "cuda": 1e-3}  # where weights are trained on; more pictures a step bear a larger one
START = "start.pt"  # those weights
MODEL = "model"  # folder of the finished pipeline
EMA_DECAY = 0.999
REPORT_EVERY = 250  # steps


def train(out: Path, minutes: float, start: Path | None = None) -> Path:
    """Train into `out` for `minutes` altogether; returns the folder of the finished pipeline.

    `start` is the folder of a pipeline trained before, to go on from: its autoencoder is kept as it is, the denoiser
    begins with its weights, and words and levels that it did not know begin anew. `out` keeps the downloaded
    packages, the checkpoints and `train.jsonl`, one line a report.
    """
    out.mkdir(parents=True, exist_ok=True)
    pictures.download(out / "packages")
    if start and not (out / START).exists():
        _begin_from(start, out)
    stages = (_train_denoiser,) if start else (_train_autoencoder, _train_denoiser, _polish_decoder)
    for stage in stages:
        parallel.launch(stage, out, minutes)
    return _save(out)


def taught(model: AutoencoderKL, packages: Path) -> World:
    """The world as latents of `model`, with the pictures in `packages`."""
    shown = pictures.load(packages)
    drawn = pictures.draw_all(shown), world.draw_scenes(shown)
    singles, scenes = (autoencoder.encode(model, kind).to(parallel.device()) for kind in drawn)
    return World(shown, singles.unflatten(0, (len(shown), -1)), world.scenes(shown)[0], scenes)


def _train_autoencoder(out: Path, minutes: float) -> None:
    autoencoder.train(out, _sampler(out), minutes * SHARES["autoencoder"], partial(_log, out))


def _polish_decoder(out: Path, minutes: float) -> None:
    autoencoder.polish(_whitened(out), out, _sampler(out), minutes * SHARES["decoder"], partial(_log, out))


def _sampler(out: Path) -> autoencoder.PictureSampler:
    shown = pictures.load(out / "packages")
    return autoencoder.PictureSampler(pictures.draw_all(shown), world.draw_scenes(shown))


def _whitened(out: Path) -> AutoencoderKL:
    """The trained autoencoder with whitened latents, always the same for the same checkpoint."""
    model = autoencoder.new().eval()
    saved = torch.load(out / "autoencoder.pt", map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    autoencoder.whiten(model, np.stack([picture.draw() for picture in pictures.load(out / "packages")]))
    return model


def _begin_from(folder: Path, out: Path) -> None:
    """Lay out the weights of the pipeline in `folder` as those that training in `out` begins with."""
    trained = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, safety_checker=None)
    for name in ("autoencoder.pt", "decoder.pt"):
        torch.save({"model": trained.vae.state_dict()}, out / name)
    learner = Learner()
    text = trained.text_encoder.state_dict()
    (name,) = (name for name in text if name.endswith("token_embedding.weight"))
    before, places = text.pop(name), trained.tokenizer.get_vocab()
    embedding = learner.text.get_parameter(name)
    with torch.no_grad():
        for token, place in learner.tokenizer.get_vocab().items():
            if token in places:
                embedding[place] = before[places[token]]
    deeper = len(learner.unet.up_blocks) - len(trained.unet.up_blocks)
    unet = {_deeper(name, deeper): value for name, value in trained.unet.state_dict().items()}
    for module, known in ((learner.unet, unet), (learner.text, text)):
        own = module.state_dict()
        same = {name: value for name, value in known.items() if name in own and own[name].shape == value.shape}
        module.load_state_dict(same, strict=False)
    torch.save(learner.state_dict(), out / START)


def _deeper(name: str, levels: int) -> str:
    """The name that a weight of a denoiser has in one with so many more levels: blocks upwards begin at the lowest."""
    return re.sub(r"^up_blocks\.(\d+)", lambda found: f"up_blocks.{int(found[1]) + levels}", name)


def _train_denoiser(out: Path, minutes: float) -> None:
    rank, device = dist.get_rank(), parallel.device()
    torch.manual_seed(0)
    learner, average = Learner().to(device), Learner().to(device).requires_grad_(False)
    started = (out / START).exists()
    if started:
        learner.load_state_dict(torch.load(out / START, map_location=device, weights_only=True))
    average.load_state_dict(learner.state_dict())
    optimizer = Optimizer(learner, learner.text, TEXT_FACTOR)
    state = {"model": learner, "average": average, "optimizer": optimizer}
    clock = parallel.Clock(minutes * (1 if started else SHARES["denoiser"]), out / "denoiser.pt", state)
    shown = taught(_whitened(out), out / "packages")
    tokens, images = learner.tokens(shown.texts), IMAGES[device.type]
    learner.choose_precision(images * CAPTIONS)
    average.dtype = learner.dtype
    torch.manual_seed(31 * clock.step + rank)
    examples, smoothed = _Examples(average, tokens), None
    rate = RATE_ON[device.type] if started else RATE
    for share in clock:
        loss = learner.loss(shown, tokens, examples.draw(shown, images))
        loss.backward()
        parallel.average_gradients(learner.parameters())
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step(rate * _schedule(share, clock.step))
        with torch.no_grad():
            decay = min(EMA_DECAY, (1 + clock.step) / (10 + clock.step))
            torch._foreach_lerp_(list(average.parameters()), list(learner.parameters()), 1 - decay)
            smoothed = loss.detach() if smoothed is None else smoothed.lerp(loss.detach(), 0.01)
        if clock.step % REPORT_EVERY == 0 and rank == 0:
            figures = average.judged(shown, tokens)
            _log(out, stage="denoiser", step=clock.step, share=share, loss=smoothed.item(), **figures)


class _Examples:
    """What the denoiser is shown: noisy pictures, and states of images that `average` draws, taken from a supply."""

    def __init__(self, average: Learner, tokens: Tensor):
        self.average, self.tokens = average, tokens
        self.supply: Examples | None = None

    def draw(self, shown: World, count: int) -> Examples:
        visited = round(VISITED * count)
        if self.supply is None or len(self.supply.z) < visited:
            steps = STEPS[int(torch.randint(len(STEPS), ()))]
            states = self.average.visited(shown, self.tokens, PROMPTS * count, steps, CAPTIONS)
            kept = torch.randperm(len(states.z), device=states.z.device)[: len(states.z) // 2]
            self.supply = states.part(kept)
        taken, self.supply = self.supply.part(slice(visited)), self.supply.part(slice(visited, None))
        return self.average.noisy(shown, count - visited, CAPTIONS).joined(taken)


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
    """Write the pipeline in half precision to `out/MODEL`."""
    model = autoencoder.new()
    model.load_state_dict(torch.load(out / "decoder.pt", map_location="cpu", weights_only=True)["model"])
    learner = Learner()
    learner.load_state_dict(torch.load(out / "denoiser.pt", map_location="cpu", weights_only=True)["average"])
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
    pipeline.to(torch.float16).save_pretrained(out / MODEL, safe_serialization=True)
    (out / MODEL / VOCABULARY).write_text("\n".join(captions.words()) + "\n", encoding="utf-8")
    return out / MODEL
