"""How many denoiser evaluations a total costs until its standard error is small, under several ways to draw noises.

The standard error is the spread of repeated runs that differ by their noise alone; it falls as 1 / sqrt(noises).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch

from compute.checks.baselines import Apart, Logistic, Uniform
from compute.estimation.batching import BatchedDenoiser
from compute.estimation.evaluate import Evaluation, evaluate
from compute.estimation.information import gather
from compute.estimation.noise_levels import NoiseLevels
from compute.models.denoiser import Conditioning, Denoiser
from compute.planning.work import STEPS
from store.pid.decomposition import decompose
from store.prompts.conditions import Conditions, of_pairs
from store.prompts.densities import shares_of
from store.records import Probe

PROBES = [  # the isolated row alone: four texts
    Probe(prompt, words)
    for prompt, words in {
        "a female doctor": ("female", "doctor"),
        "a red heart": ("red", "heart"),
        "a cat and a dog": ("cat", "dog"),
        "a male nurse": ("male", "nurse"),
        "a wild mouse": ("wild", "mouse"),
        "a pilot with dark skin": ("pilot", "dark"),
        "a computer mouse": ("computer", "mouse"),
        "a male mechanic": ("male", "mechanic"),
        "a blue circle": ("blue", "circle"),
        "a female firefighter": ("female", "firefighter"),
    }.items()
]
ACCURACY = 0.02  # relative standard error that evaluations are counted for
REPEATS, LONG, NOISES = 16, 32, 64  # runs whose spread is that standard error, and the noises of each
LEARNED_WITH = 256  # noises of each image that the density is learned from
QUANTITIES = {  # name -> level, quantity
    "I12": ("pixel", "both"),
    "R": ("pixel", "redundancy"),
    "S": ("pixel", "synergy"),
    "R of the image": ("image", "redundancy"),
    "S of the image": ("image", "synergy"),
}


@dataclass(frozen=True)
class Subject:
    """What is measured about: one image of one probe, isolated."""

    denoiser: Denoiser
    probe: Probe
    conditions: Conditions
    encoded: Conditioning
    latent: torch.Tensor

    @classmethod
    def of(cls, denoiser: Denoiser, probe: Probe) -> "Subject":
        """Generate the image of seed 0."""
        conditions = of_pairs([probe], denoiser)
        return cls(
            denoiser=denoiser,
            probe=probe,
            conditions=conditions,
            encoded=denoiser.encode(conditions.texts),
            latent=denoiser.generate(probe.prompt, [0], 1.0, STEPS)[0],
        )

    def evaluated(self, levels: NoiseLevels, noises: int, seed: int, batch: int) -> Evaluation:
        """Return the evaluation of the image at `noises` noises of `levels`, decided by `seed`."""
        batched = BatchedDenoiser(self.denoiser, batch)
        return evaluate(batched, levels, self.latent, self.conditions, self.encoded, noises=noises, seed=seed)


def measure(
    denoiser: Denoiser,
    probes: list[Probe],
    batch: int,
    long: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[str, float]]:
    """Yield, as medians over `probes`, evaluations to ACCURACY, and how many times as many other ways to draw take.

    The density of log SNR is learned from the images of the other probes. `report` is told what comes next. A `long`
    run takes LONG repeats and looks at all other ways.
    """
    levels, repeats = NoiseLevels.of(denoiser.log_snr), LONG if long else REPEATS
    subjects, learned = [], []
    for probe in probes:
        report(f"image of {probe.prompt!r}")
        subjects.append(Subject.of(denoiser, probe))
        learned.append(_shares(subjects[-1], levels, batch))
    needed: dict[str, list[dict[str, float]]] = {}
    for number, subject in enumerate(subjects):
        others = learned[:number] + learned[number + 1 :]
        ways = {
            "engine": levels.focused(np.mean(others, axis=0).tolist()) if others else levels,
            "strata of each replicate, even density": Apart(**vars(levels)),
            "ITD, logistic": Logistic(**vars(levels)),
        }
        if long:
            ways |= {"joint strata, even density": levels, "ITD, uniform": Uniform(**vars(levels))}
        for way, drawn in ways.items():
            report(f"{subject.probe.prompt!r}: {way}")
            needed.setdefault(way, []).append(_needed(subject, drawn, batch, repeats))
    ours = needed.pop("engine")
    for name in QUANTITIES:
        yield f"evaluations to {ACCURACY:.0%}, {name}", median(found[name] for found in ours)
    for way, theirs in needed.items():
        for name in QUANTITIES:
            ratios = [other[name] / own[name] for own, other in zip(ours, theirs, strict=True)]
            yield f"{way} / engine, {name}", median(ratios)


def _shares(subject: Subject, levels: NoiseLevels, batch: int) -> np.ndarray:
    """The shares of the information of an image in bands of log SNR."""
    found = gather(subject.evaluated(levels, LEARNED_WITH, 10**6, batch), subject.probe, "pid")
    return shares_of(found.curve)[0]


def _needed(subject: Subject, levels: NoiseLevels, batch: int, repeats: int) -> dict[str, float]:
    """Evaluations until each quantity is known to ACCURACY."""
    runs: dict[str, list[float]] = {}
    for seed in range(repeats):
        maps = gather(subject.evaluated(levels, NOISES, seed, batch), subject.probe, "pid").maps
        parts = {level: decompose(maps.at(level), "mmi") for level in ("pixel", "image")}
        for name, (level, quantity) in QUANTITIES.items():
            runs.setdefault(name, []).append(float(parts[level][quantity].total[0]))
    spent = NOISES * len(subject.conditions.texts)
    return {name: float(spent * (np.std(v, ddof=1) / np.mean(v) / ACCURACY) ** 2) for name, v in runs.items()}
