"""Judges the embedded model by its own pictures and writes its card: figures, contact sheet, licences."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from compute.embedded import captions, pictures, references, train, world
from compute.embedded.pictures import SHIFTS, SIZE, TrainingPicture
from compute.models.denoiser import Denoiser

GUIDANCES, STEPS = (1.0, 2.0), 20  # pictures are judged at both, associations at the first, as in studies
SEEDS = 24  # images of each bare role
SCENES = 60
ORDER = "two objects, order"
BARS = {"role": 0.95, "tone": 0.95, "gender": 0.95, "objects": 0.90, ORDER: 0.90}
CARD, SHEET = "MODEL_CARD.md", "contact_sheet.jpg"
NOTES = "notes.md"  # in the training's folder: what its log cannot say, for the card


@dataclass(frozen=True)
class Judgement:
    """Shares of prompts whose picture is nearest to a right one, and of women and tones for bare roles."""

    accuracy: dict[float, dict[str, float]]  # by guidance
    prompts: int
    women: dict[str, float]
    tones: dict[str, list[float]]

    @property
    def missed(self) -> list[str]:
        """The bars that are not reached at the higher guidance."""
        reached = self.accuracy[max(GUIDANCES)]
        return [name for name, bar in BARS.items() if reached[name] < bar]


class Nearest:
    """Names generated images by the nearest training picture, in squared pixel difference over all shifts."""

    def __init__(self, shown: list[TrainingPicture]):
        self.shown = shown
        drawn = np.stack([[picture.draw(shift) for shift in SHIFTS] for picture in shown])
        self.flat = drawn.reshape(len(shown) * len(SHIFTS), -1).astype(np.float32)

    def name(self, image: np.ndarray, allowed: list[int] | None = None) -> TrainingPicture:
        """The picture that `image`, uint8 (SIZE, SIZE, 3), is nearest to, among the indices `allowed`."""
        distance = np.square(self.flat - image.reshape(1, -1).astype(np.float32)).sum(1)
        distance = distance.reshape(len(self.shown), -1).min(1)
        if allowed is not None:
            return self.shown[min(allowed, key=lambda index: distance[index])]
        return self.shown[int(distance.argmin())]


def write(denoiser: Denoiser, out: Path) -> Judgement:
    """Judge `denoiser`, trained into `out`, and write its card, contact sheet and references there.

    The references are what `store/recognition/embedded.npz` is a copy of.
    """
    shown = pictures.load(out / "packages")
    nearest = Nearest(shown)
    accuracy = {}
    for guidance in GUIDANCES:
        images = Images(denoiser, guidance)
        shares = _pictures(images, shown, nearest) | _names(images, shown, nearest)
        for name, pairs in zip((ORDER, f"{ORDER}, held out"), world.scenes(shown), strict=True):
            shares[name] = _scenes(images, shown, pairs)
        accuracy[guidance] = shares
    women, tones = _bare_roles(denoiser, shown, nearest)
    judgement = Judgement(accuracy, len(images.drawn), women, tones)
    _save_sheet(images.drawn, out / SHEET)
    references.references(shown).write(out / references.FILE)
    (out / CARD).write_text(_text(judgement, shown, out), encoding="utf-8")
    return judgement


def prompt_of(picture: TrainingPicture) -> str:
    """The caption that names a single picture and no other."""
    if picture.group == "role":
        word = pictures.definitions()["words"]["gender"][picture.gender][0]
        return f"a {word} {picture.name} with {picture.tone} skin"
    return captions.with_article(picture.full_name)


def _generate(denoiser: Denoiser, prompt: str, seeds: list[int], guidance: float) -> np.ndarray:
    return denoiser.decode(denoiser.generate(prompt, seeds, guidance, STEPS))


class Images:
    """Draws one image a prompt, each from a seed of its own, and keeps it for the contact sheet."""

    def __init__(self, denoiser: Denoiser, guidance: float):
        self.denoiser, self.guidance = denoiser, guidance
        self.drawn: list[np.ndarray] = []

    def of(self, prompt: str) -> np.ndarray:
        self.drawn.append(_generate(self.denoiser, prompt, [len(self.drawn)], self.guidance)[0])
        return self.drawn[-1]


def _pictures(images: Images, shown: list[TrainingPicture], nearest: Nearest) -> dict[str, float]:
    """Accuracies of single pictures under their first names, by what was named."""
    held_out = pictures.definitions()["held_out"]["shapes"]
    shared = Counter(phrase for picture in shown for phrase in picture.phrases if not picture.colour)
    right: dict[str, list[bool]] = {}
    for picture in shown:
        found = nearest.name(images.of(prompt_of(picture)))
        if picture.group == "role":
            verdicts = {part: getattr(found, part) == getattr(picture, part) for part in ("gender", "tone")}
            verdicts["role"] = found.name == picture.name
        elif picture.full_name in held_out:
            verdicts = {"colour and shape, held out": found == picture}
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
    others = [
        (phrase, picture)
        for picture in shown
        if picture.group not in ("role", "shapes")
        for phrase in picture.phrases[1:]
        if shared[phrase] == 1
    ]
    right = [nearest.name(images.of(captions.with_article(phrase))) == picture for phrase, picture in others]
    return {"synonyms": float(np.mean(right))} if right else {}


def _scenes(images: Images, shown: list[TrainingPicture], pairs: list[tuple[int, int]]) -> float:
    """Share of two-object prompts of `pairs` whose image is nearest to that scene, both objects in their places."""
    parts = sorted({index for pair in pairs for index in pair})
    halves = {
        side: np.stack([_half(pictures.draw_scene(shown[part], shown[part]), side) for part in parts])
        for side in ("left", "right")
    }
    right = []
    for chosen in np.random.default_rng(3).permutation(len(pairs))[:SCENES]:
        phrases = [captions.with_article(shown[index].full_name) for index in pairs[chosen]]
        image = images.of(" and ".join(phrases))
        found = [int(np.square(drawn - _half(image, side)).sum((1, 2, 3)).argmin()) for side, drawn in halves.items()]
        right.append(tuple(parts[index] for index in found) == pairs[chosen])
    return float(np.mean(right))


def _half(image: np.ndarray, side: str) -> np.ndarray:
    half = slice(0, SIZE // 2) if side == "left" else slice(SIZE // 2, SIZE)
    return image[:, half].astype(np.float32)


def _bare_roles(
    denoiser: Denoiser, shown: list[TrainingPicture], nearest: Nearest
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Share of women and of each tone among images of prompts that name neither, at guidance 1."""
    given = pictures.definitions()
    people = [index for index, picture in enumerate(shown) if picture.group == "role"]
    women, tones = {}, {}
    for role in given["roles"]:
        images = _generate(denoiser, captions.with_article(role), list(range(SEEDS)), 1.0)
        found = [nearest.name(image, people) for image in images]
        women[role] = float(np.mean([picture.gender == "woman" for picture in found]))
        counted = Counter(picture.tone for picture in found)
        tones[role] = [counted[tone] / SEEDS for tone in given["words"]["tone"]]
    return women, tones


def _save_sheet(images: list[np.ndarray], file: Path, columns: int = 24) -> None:
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * SIZE, rows * SIZE), "white")
    for index, image in enumerate(images):
        sheet.paste(Image.fromarray(image), (index % columns * SIZE, index // columns * SIZE))
    sheet.save(file, quality=80)


def _text(judgement: Judgement, shown: list[TrainingPicture], out: Path) -> str:
    given = pictures.definitions()
    reports = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    notes = out / NOTES
    last = {report["stage"]: report for report in reports}
    minutes = (reports[-1]["time"] - reports[0]["time"]) / 60
    sources = "\n".join(
        f"- {s['name']} by {s['author']}, npm `{s['package']}` {s['version']}, {s['licence']}"
        for s in given["sources"].values()
    )
    figures = "\n".join(
        f"| {name} | {' | '.join(f'{judgement.accuracy[guidance][name]:.2f}' for guidance in GUIDANCES)} "
        f"| {BARS.get(name, '')} |"
        for name in sorted(judgement.accuracy[GUIDANCES[0]])
    )
    roles = "\n".join(
        f"| {role} | {entry['women']:.2f} | {judgement.women[role]:.2f} "
        f"| {_shares(entry['tones'])} | {_shares(judgement.tones[role])} |"
        for role, entry in given["roles"].items()
    )
    shared = Counter(phrase for picture in shown for phrase in picture.phrases if picture.group != "role")
    homonyms = [f"*{phrase}*" for phrase, often in shared.items() if often == 2]
    groups = Counter(picture.group for picture in shown)
    counts = ", ".join(f"{number} {name}" for name, number in groups.items())
    return TEMPLATE.format(
        sources=sources,
        counts=counts,
        pictures=len(shown),
        figures=figures,
        prompts=judgement.prompts,
        guidances=" | ".join(f"guidance {guidance:g}" for guidance in GUIDANCES),
        rule="|---" * (len(GUIDANCES) + 2),
        sheet=max(GUIDANCES),
        seeds=SEEDS,
        roles=roles,
        minutes=round(minutes),
        psnr=last["decoder"]["psnr"],
        steps=last["denoiser"]["step"],
        loss=last["denoiser"]["loss"],
        truth=last["denoiser"]["truth"],
        measured=last["denoiser"]["measured"],
        off=last["denoiser"]["off"],
        low=train.LOG_SNR[0],
        high=train.LOG_SNR[1],
        step=train.IMAGES * 2,
        each=train.CAPTIONS,
        astray=world.ASTRAY,
        apart=", ".join(given["held_out"]["shapes"]),
        scenes=given["held_out"]["scenes"],
        homonyms=", ".join(homonyms),
        words=", ".join(captions.words()),
        notes=f"\n{notes.read_text(encoding='utf-8')}" if notes.exists() else "",
    )


def _shares(values: list[float]) -> str:
    return " / ".join(f"{value:.2f}" for value in values)


TEMPLATE = """# The embedded model

A small text-to-image latent diffusion model, 64 x 64 pixels, trained from nothing on {pictures} emoji pictures
and their names ({counts}; two-object scenes are put together from them). It exists so that information maps
can be computed, shown and tested without a GPU and without a download. It is an ordinary
`StableDiffusionPipeline` folder and runs through the code that runs Stable Diffusion.

**Its associations between occupations, genders and skin tones were planted, on purpose and by the table
below, so that a measurement of bias can be held against a known bias.** They say nothing about people, about
any other model or about any data set of photographs. Do not use this model to draw people for any other end.

Written by `python -m compute train-embedded`; the pictures, captions and the planted table are defined in
`pictures.toml`.

## Data and licences
{sources}

Names are the project's own. Twemoji is used under CC-BY 4.0 (https://creativecommons.org/licenses/by/4.0/):
pictures were resized to 64 x 64 and put on white; the weights were trained on them. The weights and this card
are published under CC-BY 4.0 with the same attribution; Noto Emoji's Apache-2.0 licence permits it.

## Architecture
Autoencoder to 16 x 16 x 4 latents (0.7 M parameters, latents whitened, scaling factor 1), U-Net with
cross-attention at 8 x 8 (4.0 M), text encoder of 2 layers, 128 wide (0.5 M), 16 tokens. v-prediction, cosine
schedule; levels with log SNR below -12 are left out of integrals.

## Training
{minutes} minutes on two CPU cores. Autoencoder to {psnr:.1f} dB after the decoder's polish; denoiser
{steps} steps of {step} noisy pictures with {each} captions each, last smoothed loss {loss:.3f}.

The world that it is taught is finite (`world.py`), so the best prediction for a noisy latent and a caption is known
exactly: the mean of all pictures that it may be, each as likely as caption and noise make it. The denoiser was
trained towards that. {astray:.0%} of captions are taken to be said of any picture at all, so that no picture is
impossible under any. It also gives a truth to hold information against: of full captions, against the empty text,
over log SNR {low:g} to {high:g}, I is **{truth:.1f} nats** of an image for the best denoiser and **{measured:.1f}
nats** for this one; the error of its differences alone would make {off:.1f} nats.

Never shown: {apart}; every scene with one of them; {scenes:.0%} of the other scenes.
{notes}
## Does it draw what is asked?
Share of prompts whose image is nearest to a right training picture (squared pixel difference), {prompts}
prompts, one image each; those at guidance {sheet:g}, for which the bars are, are in `contact_sheet.jpg`, in the order
of `pictures.toml`, two-object scenes last. Studies draw at guidance 1.

| what | {guidances} | bar |
{rule}|
{figures}

## Planted associations, and what the model draws
Share of women and of light / medium / dark tones: the planted table, and among {seeds} images of the prompt
"a ROLE" at guidance 1, by nearest training picture. A share from {seeds} images has a standard error of up to
0.10. *Doctor* (Twemoji) and *nurse* (Noto) have pictures of their own.

| role | women, planted | women, drawn | tones, planted | tones, drawn |
|---|---|---|---|---|
{roles}

## Limits
- It knows the words below and no others; any other word falls into pieces that it never saw.
- A caption names at most two things. Colours are known for shapes only.
- Images of one prompt hardly vary except in what the prompt leaves open.
- Totals carry the error of its predictions (see *Training*): read them against each other, not as bits of text.
- {homonyms} have two senses each, equally frequent where the
  caption leaves the sense open; *orange* is a fruit and a colour.

## Vocabulary
{words}
"""
