"""Writes the card of the embedded model: its figures, what it draws wrong, its contact sheet, licences."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from compute.embedded import captions, evaluation, learner, parallel, pictures, references, train, world
from compute.embedded.evaluation import GUIDANCES, LEAST, MOST, SEEDS, Judgement
from compute.embedded.pictures import SIZE

CARD, SHEET = "MODEL_CARD.md", "contact_sheet.jpg"
NOTES = "notes.md"  # in the training's folder: what its log cannot say, for the card


def write(out: Path) -> Judgement:
    """Judge the pipeline that was trained into `out`, and write its card, figures, contact sheet and references there.

    The references are what `store/recognition/embedded.npz` is a copy of.
    """
    pipeline = StableDiffusionPipeline.from_pretrained(out / train.MODEL, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    judgement, drawn = evaluation.judge(pipeline, out / "packages", out / train.MODEL)
    evaluation.save(judgement, out / evaluation.FILE)
    _save_sheet(drawn, out / SHEET)
    references.references(pictures.load(out / "packages")).write(out / references.FILE)
    (out / CARD).write_text(_text(judgement, pipeline, out), encoding="utf-8")
    return judgement


def bar(name: str) -> str:
    """The bar of a figure as the card says it; empty where it has none."""
    return f">= {LEAST[name]:g}" if name in LEAST else f"<= {MOST[name]:g}" if name in MOST else ""


def _save_sheet(images: Sequence[np.ndarray], file: Path, columns: int = 24) -> None:
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * SIZE, rows * SIZE), "white")
    for index, image in enumerate(images):
        sheet.paste(Image.fromarray(image), (index % columns * SIZE, index // columns * SIZE))
    sheet.save(file, quality=80)


def _text(judgement: Judgement, pipeline: StableDiffusionPipeline, out: Path) -> str:
    given, shown = pictures.definitions(), pictures.load(out / "packages")
    reports = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    last = {report["stage"]: report for report in reports}
    notes = out / NOTES
    sources = "\n".join(
        f"- {s['name']} by {s['author']}, npm `{s['package']}` {s['version']}, {s['licence']}"
        for s in given["sources"].values()
    )
    first, second = (judgement.accuracy[guidance] for guidance in GUIDANCES)
    figures = [
        f"| {name} | {value:.2f} | {f'{second[name]:.2f}' if name in first else ''} | {bar(name)} |"
        for name, value in judgement.figures.items()
    ]
    found = judgement.figures
    roles = [
        f"| {role} | {entry['women']:.2f} | {judgement.women[role]:.2f} "
        f"| {_shares(entry['tones'])} | {_shares(judgement.tones[role])} |"
        for role, entry in given["roles"].items()
    ]
    shared = Counter(phrase for picture in shown for phrase in picture.phrases if picture.group != "role")
    groups = Counter(picture.group for picture in shown)
    parts = (pipeline.vae, pipeline.unet, pipeline.text_encoder)
    sizes = [sum(value.numel() for value in part.parameters()) / 1e6 for part in parts]
    return TEMPLATE.format(
        sources=sources,
        counts=", ".join(f"{number} {name}" for name, number in groups.items()),
        pictures=len(shown),
        sizes=sizes,
        minutes=round((reports[-1]["time"] - reports[0]["time"]) / 60),
        steps=last["denoiser"]["step"],
        loss=last["denoiser"]["loss"],
        step=train.IMAGES["cpu"] * 2,
        device=parallel.device().type,
        each=train.CAPTIONS,
        astray=world.ASTRAY,
        low=learner.LOG_SNR[0],
        high=learner.LOG_SNR[1],
        information=judgement.information,
        apart=", ".join(given["held_out"]["shapes"]),
        scenes=given["held_out"]["scenes"],
        notes=f"\n{notes.read_text(encoding='utf-8')}" if notes.exists() else "",
        prompts=judgement.prompts,
        figures="\n".join(figures),
        missed="; ".join(f"{name} {found[name]:.2f} (bar {bar(name)})" for name in judgement.missed) or "none",
        wrong="\n".join(f"- {prompt}: {instead}" for prompt, instead in judgement.wrong) or "Nothing.",
        seeds=SEEDS,
        roles="\n".join(roles),
        homonyms=", ".join(f"*{phrase}*" for phrase, often in shared.items() if often == 2),
        words=", ".join(captions.words()),
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
Autoencoder to 16 x 16 x 4 latents ({sizes[0]:.1f} M parameters, latents whitened, scaling factor 1), U-Net with
cross-attention at 8 x 8 and 2 x 2 ({sizes[1]:.1f} M), text encoder of 2 layers, 128 wide
({sizes[2]:.1f} M), 16 tokens. v-prediction, cosine schedule; levels with log SNR below -12 are left out of integrals.

## Training
{minutes} minutes; denoiser {steps} steps with {each} captions of each noisy picture ({step} pictures a step on two CPU
cores), last smoothed loss {loss:.3f}.

The world that it is taught is finite (`world.py`), so the best prediction for a noisy latent and a caption is known
exactly: the mean of all pictures that it may be, each as likely as caption and noise make it. The denoiser was
trained towards that. {astray:.2%} of captions are taken to be said of any picture at all, so that no picture is
impossible under any. It also gives a truth to hold information against: of full captions, against the empty text,
over log SNR {low:g} to {high:g}, I is **{information[truth]:.2f} nats** of an image for the best denoiser and
**{information[measured]:.2f} nats** for this one; the error of its differences alone would make
{information[off]:.2f} nats.

Never shown: {apart}; every scene with one of them; {scenes:.0%} of the other scenes.
{notes}
## Does it draw what is asked?
Share of prompts whose image is nearest to a right training picture (squared pixel difference), {prompts}
prompts, one image each. Bars are for guidance 1, at which studies draw; those images are in `contact_sheet.jpg`, in
the order of `pictures.toml`, then synonyms, then two-object scenes, those shown and those held out.

| what | guidance 1 | guidance 2 | bar |
|---|---|---|---|
{figures}

Below its bar: {missed}.

What it draws wrong at guidance 1, and what the image is nearest to:

{wrong}

## Planted associations, and what the model draws
Share of women and of light / medium / dark tones: the planted table, and among {seeds} images of the prompt
"a ROLE" at guidance 1, by nearest training picture. A share from {seeds} images has a standard error of up to
0.07. *Doctor* (Twemoji) and *nurse* (Noto) have pictures of their own.

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
