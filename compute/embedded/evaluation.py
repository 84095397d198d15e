"""Judges the embedded model by its own pictures: what it draws, what it associates, what its information is worth."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline

from compute.embedded import autoencoder, captions, pictures, train, world
from compute.embedded.learner import Learner
from compute.embedded.pictures import SHIFTS, SIZE, TrainingPicture

GUIDANCES, STEPS = (1.0, 2.0), 20  # studies draw at the first
SEEDS = 48  # images of each bare role
SCENES = 60  # of those shown, and of those held out
INFORMED = 2048  # pictures whose information is held against the truth
AT_ONCE = 32
ORDER, APART, PAIRS = "two objects, order", "two objects, order, held out", "colour and shape, held out"
PLANTED, EXCESS, ERROR = (
    "planted shares, departure",
    "information, relative error",
    "information, error in nats",
)
QUALITY, MEGABYTES = "autoencoder, dB", "weights, MB"
DRAWN = ("objects", "role", "gender", "tone", "colour", "shape", "synonyms", "senses of homonyms", ORDER)
LEAST = dict.fromkeys(DRAWN, 0.95) | {PAIRS: 0.8, APART: 0.8, QUALITY: 33.0}
MOST = {PLANTED: 0.12, EXCESS: 0.15, ERROR: 1.0, MEGABYTES: 20.0}
FILE = "evaluation.json"


@dataclass(frozen=True)
class Judgement:
    """What was found: shares of prompts whose image is nearest to a right one, by guidance, and the rest.

    `women` and `tones` are shares among images of bare roles, `information` that of full captions in nats, as
    `Learner.judged` gives it, `wrong` the prompts drawn wrong at the first guidance with what was drawn instead.
    """

    accuracy: dict[float, dict[str, float]]
    prompts: int
    women: dict[str, float]
    tones: dict[str, list[float]]
    information: dict[str, float]
    quality: float
    megabytes: float
    wrong: list[tuple[str, str]]

    @property
    def figures(self) -> dict[str, float]:
        """Every figure that has a bar in LEAST or MOST, at the guidance at which studies draw."""
        return self.accuracy[GUIDANCES[0]] | {
            PLANTED: max(departure for _, departure in self._departures()),
            EXCESS: abs(self.information["measured"] / self.information["truth"] - 1),
            ERROR: self.information["off"],
            QUALITY: self.quality,
            MEGABYTES: self.megabytes,
        }

    @property
    def missed(self) -> list[str]:
        """The bars that are not reached."""
        found = self.figures
        low = [name for name, bar in LEAST.items() if not found[name] >= bar]
        return low + [name for name, bar in MOST.items() if not found[name] <= bar]

    def _departures(self) -> Iterator[tuple[str, float]]:
        for role, entry in pictures.definitions()["roles"].items():
            yield role, abs(self.women[role] - entry["women"])
            for drawn, planted in zip(self.tones[role], entry["tones"], strict=True):
                yield role, abs(drawn - planted)


class Nearest:
    """Names generated images by the nearest training picture, in squared pixel difference over all shifts."""

    def __init__(self, shown: list[TrainingPicture]):
        self.shown = shown
        self.flat = pictures.draw_all(shown).reshape(len(shown) * len(SHIFTS), -1).astype(np.float32)

    def name(self, image: np.ndarray, allowed: list[int] | None = None) -> TrainingPicture:
        """The picture that `image`, uint8 (SIZE, SIZE, 3), is nearest to, among the indices `allowed`."""
        distance = np.square(self.flat - image.reshape(1, -1).astype(np.float32)).sum(1)
        distance = distance.reshape(len(self.shown), -1).min(1)
        if allowed is not None:
            return self.shown[min(allowed, key=lambda index: distance[index])]
        return self.shown[int(distance.argmin())]


class Images:
    """Draws one image a prompt at one guidance, each from a seed of its own; keeps all, and what was drawn wrong."""

    def __init__(self, pipeline: StableDiffusionPipeline, guidance: float):
        self.pipeline, self.guidance = pipeline, guidance
        self.drawn: list[np.ndarray] = []
        self.wrong: list[tuple[str, str]] = []

    def of(self, prompts: Sequence[str]) -> list[np.ndarray]:
        """An image, uint8 (SIZE, SIZE, 3), of each prompt."""
        first = len(self.drawn)
        self.drawn += draw(self.pipeline, prompts, range(first, first + len(prompts)), self.guidance)
        return self.drawn[first:]

    def judge(self, prompt: str, right: bool, found: str) -> bool:
        """`right`, with a note of what was found instead."""
        if not right:
            self.wrong.append((prompt, found))
        return right


def judge(pipeline: StableDiffusionPipeline, packages: Path, folder: Path) -> tuple[Judgement, list[np.ndarray]]:
    """Judge `pipeline`, loaded from `folder`; its images of single prompts at the first guidance come with it."""
    shown = pictures.load(packages)
    nearest = Nearest(shown)
    drawn = {guidance: Images(pipeline, guidance) for guidance in GUIDANCES}
    accuracy = {}
    for guidance, images in drawn.items():
        shares = _pictures(images, shown, nearest) | _names(images, shown, nearest)
        for name, pairs in zip((ORDER, APART), world.scenes(shown), strict=True):
            shares[name] = _scenes(images, shown, pairs)
        accuracy[guidance] = shares
    first = drawn[GUIDANCES[0]]
    women, tones = _bare_roles(pipeline, shown, nearest)
    judgement = Judgement(
        accuracy=accuracy,
        prompts=len(first.drawn),
        women=women,
        tones=tones,
        information=_information(pipeline, packages),
        quality=autoencoder.quality(pipeline.vae, pictures.draw_all(shown)),
        megabytes=sum(file.stat().st_size for file in folder.rglob("*")) / 1e6,
        wrong=first.wrong,
    )
    return judgement, first.drawn


def save(judgement: Judgement, file: Path) -> None:
    """Write all figures, with those that miss their bars."""
    found = asdict(judgement) | {"figures": judgement.figures, "missed": judgement.missed}
    file.write_text(json.dumps(found, indent=1), encoding="utf-8")


def prompt_of(picture: TrainingPicture) -> str:
    """The caption that names a single picture and no other."""
    if picture.group == "role":
        word = pictures.definitions()["words"]["gender"][picture.gender][0]
        return f"a {word} {picture.name} with {picture.tone} skin"
    return captions.with_article(picture.full_name)


@torch.inference_mode()
def draw(
    pipeline: StableDiffusionPipeline, prompts: Sequence[str], seeds: Sequence[int], guidance: float
) -> list[np.ndarray]:
    """One image, uint8 (SIZE, SIZE, 3), of each prompt with its seed."""
    images: list[np.ndarray] = []
    for start in range(0, len(prompts), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        result = pipeline(
            list(prompts[part]),
            guidance_scale=guidance,
            num_inference_steps=STEPS,
            generator=[torch.Generator().manual_seed(seed) for seed in seeds[part]],
            output_type="pil",
        )
        images += map(np.asarray, result.images)
    return images


def _pictures(images: Images, shown: list[TrainingPicture], nearest: Nearest) -> dict[str, float]:
    """Accuracies of single pictures under their first names, by what was named."""
    held_out = pictures.definitions()["held_out"]["shapes"]
    shared = Counter(phrase for picture in shown for phrase in picture.phrases if not picture.colour)
    right: dict[str, list[bool]] = {}
    prompts = [prompt_of(picture) for picture in shown]
    for prompt, picture, image in zip(prompts, shown, images.of(prompts), strict=True):
        found = nearest.name(image)
        images.judge(prompt, found == picture, prompt_of(found))
        if picture.group == "role":
            verdicts = {part: getattr(found, part) == getattr(picture, part) for part in ("gender", "tone")}
            verdicts["role"] = found.name == picture.name
        elif picture.full_name in held_out:
            verdicts = {PAIRS: found == picture}
        elif picture.group == "shapes":
            verdicts = {"shape": found.name == picture.name, "colour": found.colour == picture.colour}
        else:
            verdicts = {"objects": found == picture}
            if any(shared[phrase] > 1 for phrase in picture.phrases):
                verdicts["senses of homonyms"] = found == picture
        for name, verdict in verdicts.items():
            right.setdefault(name, []).append(verdict)
    return {name: float(np.mean(verdicts)) for name, verdicts in right.items()}


def _names(images: Images, shown: list[TrainingPicture], nearest: Nearest) -> dict[str, float]:
    """Share of synonyms, *automobile* and the like, under which the right picture is drawn."""
    shared = Counter(phrase for picture in shown for phrase in picture.phrases)
    others = {
        captions.with_article(phrase): picture
        for picture in shown
        if picture.group not in ("role", "shapes")
        for phrase in picture.phrases[1:]
        if shared[phrase] == 1
    }
    found = [nearest.name(image) for image in images.of(list(others))]
    right = [
        images.judge(prompt, drawn == picture, prompt_of(drawn))
        for (prompt, picture), drawn in zip(others.items(), found, strict=True)
    ]
    return {"synonyms": float(np.mean(right)) if right else float("nan")}


def _scenes(images: Images, shown: list[TrainingPicture], pairs: list[tuple[int, int]]) -> float:
    """Share of two-object prompts of `pairs` whose image is nearest to that scene, both objects in their places."""
    parts = sorted({index for pair in pairs for index in pair})
    halves = [
        np.stack([_half(pictures.draw_scene(shown[part], shown[part]), side) for part in parts])
        for side in ("left", "right")
    ]
    chosen = [pairs[index] for index in np.random.default_rng(3).permutation(len(pairs))[:SCENES]]
    names = [[captions.with_article(shown[index].full_name) for index in pair] for pair in chosen]
    prompts = [" and ".join(pair) for pair in names]
    right = []
    for prompt, pair, image in zip(prompts, chosen, images.of(prompts), strict=True):
        found = tuple(
            parts[int(np.square(drawn - _half(image, side)).sum((1, 2, 3)).argmin())]
            for side, drawn in zip(("left", "right"), halves, strict=True)
        )
        instead = " and ".join(captions.with_article(shown[index].full_name) for index in found)
        right.append(images.judge(prompt, found == pair, instead))
    return float(np.mean(right))


def _half(image: np.ndarray, side: str) -> np.ndarray:
    half = slice(0, SIZE // 2) if side == "left" else slice(SIZE // 2, SIZE)
    return image[:, half].astype(np.float32)


def _bare_roles(
    pipeline: StableDiffusionPipeline, shown: list[TrainingPicture], nearest: Nearest
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Share of women and of each tone among images of prompts that name neither, at guidance 1."""
    given = pictures.definitions()
    people = [index for index, picture in enumerate(shown) if picture.group == "role"]
    women, tones = {}, {}
    for role in given["roles"]:
        images = draw(pipeline, [captions.with_article(role)] * SEEDS, range(SEEDS), 1.0)
        found = [nearest.name(image, people) for image in images]
        women[role] = float(np.mean([picture.gender == "woman" for picture in found]))
        counted = Counter(picture.tone for picture in found)
        tones[role] = [counted[tone] / SEEDS for tone in given["words"]["tone"]]
    return women, tones


def _information(pipeline: StableDiffusionPipeline, packages: Path) -> dict[str, float]:
    learner = Learner()
    learner.tokenizer, learner.text, learner.unet = pipeline.tokenizer, pipeline.text_encoder, pipeline.unet
    taught = train.taught(pipeline.vae, packages)
    return learner.judged(taught, learner.tokens(taught.texts), INFORMED)
