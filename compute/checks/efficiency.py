"""How many denoiser evaluations a total costs until its standard error is small, under several ways to draw noises.

The standard error is the spread of runs that differ by their noise alone; it falls as 1 / sqrt(noises). Distances are
measured once, at many levels, and runs are put together from them: one of the levels nearest to each that is drawn.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch
from torch import Tensor

from compute.checks.baselines import Apart, Logistic, Uniform
from compute.estimation.batching import BatchedDenoiser
from compute.estimation.evaluate import Evaluation, Sums, evaluate
from compute.estimation.information import gather
from compute.estimation.noise_levels import Draws, NoiseLevels
from compute.models.denoiser import Conditioning, Denoiser
from compute.planning.work import STEPS
from store.pid.decomposition import decompose
from store.pid.information import REPLICATES, TOGETHER, InformationMaps
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
RUNS, NOISES = 200, 64  # whose spread is that standard error, and the noises of each
POOL, SINGLE = 240, 80  # levels at which distances are measured: to both signs of a noise, and to one
NEAREST = 4  # levels measured, one of which stands for a level that is drawn
IMAGES = 2  # of a prompt, in a long run
QUANTITIES = {  # name -> level, quantity
    "I12 of an image": ("image", "both"),
    "R of an image": ("image", "redundancy"),
    "S of an image": ("image", "synergy"),
    "R of an image, pixel by pixel": ("pixel", "redundancy"),
    "S of an image, pixel by pixel": ("pixel", "synergy"),
}
OF_PROMPTS = {
    "I12 of a prompt": (TOGETHER, "both"),
    "R of a prompt": (TOGETHER, "redundancy"),
    "S of a prompt": (TOGETHER, "synergy"),
}


@dataclass(frozen=True)
class Subject:
    """What is measured about: one image of one probe, isolated."""

    denoiser: Denoiser
    probe: Probe
    conditions: Conditions
    encoded: Conditioning
    latent: Tensor

    @classmethod
    def of(cls, denoiser: Denoiser, probe: Probe, seed: int = 0) -> "Subject":
        """Generate the image of `seed`."""
        conditions = of_pairs([probe], denoiser)
        return cls(
            denoiser=denoiser,
            probe=probe,
            conditions=conditions,
            encoded=denoiser.encode(conditions.texts),
            latent=denoiser.generate(probe.prompt, [seed], 1.0, STEPS)[0],
        )

    def evaluated(
        self, levels: NoiseLevels, noises: int, seed: int, batch: int, sums: Sums | None = None
    ) -> Evaluation:
        """Return the evaluation of the image at `noises` noises of `levels`, decided by `seed`."""
        given = self.latent, self.conditions, self.encoded
        return evaluate(BatchedDenoiser(self.denoiser, batch), levels, *given, noises=noises, seed=seed, sums=sums)


@dataclass(frozen=True)
class _Spread(NoiseLevels):
    """As many levels as noises are asked for, evenly over log SNR, each once with each of `signs`."""

    signs: tuple[int, ...] = (1, -1)

    def draw(self, noises: int, generator: torch.Generator) -> Draws:
        place = (torch.arange(noises, dtype=torch.float64) + 0.5) / noises * self.width.sum()
        position = torch.searchsorted(self.width.cumsum(0), place).clamp(max=len(self.level) - 1)
        return Draws(position, self.width.sum().expand(noises), torch.ones(REPLICATES, noises).double(), self.signs)


class _Kept(Sums):
    """Distances at each level of those measured."""

    def __init__(self, subject: Subject, levels: NoiseLevels):
        super().__init__(levels, subject.conditions, subject.latent.shape[1:])
        self.position: list[Tensor] = []
        self.far: list[Tensor] = []

    def add(self, position: Tensor, weight: Tensor, share: Tensor, far: Tensor, off: Tensor) -> None:
        super().add(position, weight, share, far.cpu(), off.cpu())
        self.position.append(position)
        self.far.append(far.cpu())


class MeasuredLevels:
    """What the denoiser says of one subject at many levels: runs of any way to draw are put together from it."""

    def __init__(self, subject: Subject, levels: NoiseLevels, batch: int):
        self.subject, self.levels = subject, levels
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}  # signs of a draw -> positions, distances
        for signs, noises in (((1, -1), POOL), ((1,), SINGLE)):
            kept = _Kept(subject, levels)
            found = subject.evaluated(_Spread(**vars(levels), signs=signs), noises, len(signs), batch, kept)
            self._kept[len(signs)] = torch.cat(kept.position), torch.cat(kept.far)
            if len(signs) == 2:
                self.shares = shares_of(gather(found, subject.probe, "pid").curve)[0]

    def run(self, way: NoiseLevels, generator: torch.Generator) -> InformationMaps:
        """Return what a run of NOISES says whose levels are drawn in a `way`."""
        drawn = way.draw(NOISES, generator)
        position, far = self._kept[len(drawn.signs)]
        beside = torch.randint(NEAREST, drawn.position.shape, generator=generator) - NEAREST // 2
        chosen = far[(torch.searchsorted(position, drawn.position) + beside).clamp(0, len(far) - 1)]
        sums = Sums(self.levels, self.subject.conditions, self.subject.latent.shape[1:])
        off = chosen.new_zeros(len(chosen), len(self.subject.conditions.texts), *chosen.shape[2:])
        sums.add(drawn.position, drawn.weight, drawn.share, chosen, off)
        sums.draws = len(chosen)
        return gather(sums.result(), self.subject.probe, "pid")


def measure(
    denoiser: Denoiser,
    probes: list[Probe],
    batch: int,
    long: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[str, float]]:
    """Yield, as medians over `probes`, evaluations to ACCURACY, and how many times as many other ways to draw take.

    The density of log SNR is learned from the images of the other probes. `report` is told what comes next. A `long`
    run takes IMAGES of each probe, so that it says something of prompts as well, and looks at all other ways.
    """
    levels = NoiseLevels.of(denoiser.log_snr)
    pools: list[list[MeasuredLevels]] = []
    for probe in probes:
        report(f"images of {probe.prompt!r}")
        seeds = range(IMAGES if long else 1)
        pools.append([MeasuredLevels(Subject.of(denoiser, probe, seed), levels, batch) for seed in seeds])
    quantities = QUANTITIES | OF_PROMPTS if long else QUANTITIES
    needed: dict[str, list[dict[str, float]]] = {}
    report("runs put together from them")
    for number, images in enumerate(pools):
        others = [pool.shares for each in pools[:number] + pools[number + 1 :] for pool in each]
        ways = {
            "engine": levels.focused(np.mean(others, axis=0).tolist()) if others else levels,
            "former draws (strata of each replicate, even density)": Apart(**vars(levels)),
            "ITD, logistic": Logistic(**vars(levels)),
        }
        if long:
            ways |= {"joint strata, even density": levels, "ITD, uniform": Uniform(**vars(levels))}
        for way, drawn in ways.items():
            needed.setdefault(way, []).append(_needed(images, drawn, quantities))
    ours = needed.pop("engine")
    for name in quantities:
        yield f"evaluations to {ACCURACY:.0%}, {name}, median of {len(ours)}", median(found[name] for found in ours)
    for way, theirs in needed.items():
        for name in quantities:
            ratios = [other[name] / own[name] for own, other in zip(ours, theirs, strict=True)]
            yield f"{way} / engine, {name}", median(ratios)


def _needed(images: list[MeasuredLevels], way: NoiseLevels, quantities: dict[str, tuple[str, str]]) -> dict[str, float]:
    """Evaluations until each quantity is known to ACCURACY: of the first image, or of all together."""
    runs: dict[str, list[float]] = {}
    generator = torch.Generator().manual_seed(0)
    for _ in range(RUNS):
        first, *more = (pool.run(way, generator) for pool in images)
        whole = first
        for other in more:
            whole = whole.joined(other)
        parts = {
            level: decompose((whole if level == TOGETHER else first).maps.at(level), "mmi")
            for level in {level for level, _ in quantities.values()}
        }
        for name, (level, quantity) in quantities.items():
            runs.setdefault(name, []).append(float(parts[level][quantity].total[0]))
    spent = NOISES * len(images[0].subject.conditions.texts)
    counted = {name: spent * (len(images) if level == TOGETHER else 1) for name, (level, _) in quantities.items()}
    return {
        name: float(counted[name] * (np.std(found, ddof=1) / np.mean(found) / ACCURACY) ** 2)
        for name, found in runs.items()
    }
