"""How fast the engine is and how many evaluations its numbers cost: ratios within one run, as machines are shared."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from compute.estimation.batching import BatchedDenoiser
from compute.estimation.evaluate import Evaluation, evaluate
from compute.estimation.information import gather
from compute.estimation.noise_levels import Draws, NoiseLevels
from compute.estimation.tuning import best_batch
from compute.models import registry
from compute.models.denoiser import Conditioning, Denoiser
from compute.planning.work import STEPS
from store.pid.information import REPLICATES
from store.prompts.conditions import Conditions, of_pairs
from store.records import Probe

MODEL = "embedded"
PAIR = Probe("a female doctor", ("female", "doctor"))  # the isolated row alone: four texts
ROUNDS, BRIEF = 25, 32  # of bare denoiser and engine in turn, and the noises of each
ACCURACY = 0.02  # relative standard error that evaluations are counted for
REPEATS, NOISES = 16, 256  # runs whose spread is that standard error, and the noises of each
LOGISTIC = {  # location and scale in log SNR of what is compared with
    "as ITD for Stable Diffusion": (1.0, 2.0),
    "as wide as the trained levels": (-2.0, 4.0),
}
FEW, MANY = 64, 512  # noises of two runs in turn, after which peak memory is compared


@dataclass(frozen=True)
class Subject:
    """What is measured about: one image of one pair, isolated."""

    denoiser: Denoiser
    conditions: Conditions
    encoded: Conditioning
    latent: torch.Tensor

    @classmethod
    def of(cls, model: str) -> "Subject":
        """Load `model` and generate the image; raises InputError if it cannot be loaded."""
        denoiser = registry.load(model)
        conditions = of_pairs([PAIR], denoiser)
        return cls(
            denoiser=denoiser,
            conditions=conditions,
            encoded=denoiser.encode(conditions.texts),
            latent=denoiser.generate(PAIR.prompt, [0], 1.0, STEPS)[0],
        )

    def evaluated(self, levels: NoiseLevels, noises: int, seed: int, batch: int) -> Evaluation:
        """Return the evaluation of the image at `noises` noises of `levels`, decided by `seed`."""
        batched = BatchedDenoiser(self.denoiser, batch)
        return evaluate(batched, levels, self.latent, self.conditions, self.encoded, noises=noises, seed=seed)


def measure(model: str = MODEL) -> Iterator[tuple[str, float]]:
    """Yield the name and value of each figure, as it is found; raises InputError if `model` cannot be loaded."""
    subject = Subject.of(model)
    batch = best_batch(subject.denoiser, subject.latent.shape, subject.encoded)
    yield "best batch", batch
    yield from _rates(subject, batch)
    yield from _efficiency(subject, batch)
    few, many = _peak_memory(model)
    yield f"peak memory, {FEW} noises (MB)", few
    yield f"peak memory, {MANY} noises (MB)", many
    yield "peak memory, ratio", many / few


def _rates(subject: Subject, batch: int) -> Iterator[tuple[str, float]]:
    """Evaluations a second, bare and through the engine, alternating; the fastest rounds, undisturbed by neighbours."""
    denoiser, texts = subject.denoiser, len(subject.conditions.texts)
    levels, count = NoiseLevels.of(denoiser.log_snr), -(-BRIEF * texts // batch) * batch
    encoded = subject.encoded.select(torch.arange(batch) % texts)
    z, level = (
        subject.latent.repeat(batch, 1, 1, 1),
        levels.level[torch.linspace(0, len(levels.level) - 1, batch).long()],
    )

    def bare() -> None:
        for _ in range(count // batch):
            denoiser.predict_noise(z, level, encoded)

    bare()
    rounds = [(_seconds(bare), _seconds(lambda: subject.evaluated(levels, BRIEF, 0, batch))) for _ in range(ROUNDS)]
    fastest = count / min(bare for bare, _ in rounds), BRIEF * texts / min(engine for _, engine in rounds)
    yield "evaluations a second, bare denoiser", fastest[0]
    yield "evaluations a second, engine", fastest[1]
    yield "engine / bare", fastest[1] / fastest[0]


def _efficiency(subject: Subject, batch: int) -> Iterator[tuple[str, float]]:
    """Evaluations until a total is known to ACCURACY, from the spread of repeated runs; error falls as 1 / sqrt(n)."""
    levels = NoiseLevels.of(subject.denoiser.log_snr)
    ours = _evaluations_needed(subject, levels, batch)
    for name, needed in ours.items():
        yield f"evaluations to {ACCURACY:.0%}, {name}", needed
    for kind, density in LOGISTIC.items():
        other = _evaluations_needed(subject, Logistic(levels.level, levels.log_snr, levels.width, *density), batch)
        for name, needed in ours.items():
            yield f"independent / engine, {name}, {kind}", other[name] / needed


def _evaluations_needed(subject: Subject, levels: NoiseLevels, batch: int) -> dict[str, float]:
    runs: dict[str, list[float]] = {}
    for seed in range(REPEATS):
        found = gather(subject.evaluated(levels, NOISES, seed, batch), PAIR, "pid")
        whole = {name: float(values.mean(1).sum()) for name, values in found.maps.maps.items()}
        redundancy = min(whole["first"], whole["second"])
        synergy = whole["both"] - whole["first"] - whole["second"] + redundancy
        for name, value in (("I12", whole["both"]), ("R of the image", redundancy), ("S of the image", synergy)):
            runs.setdefault(name, []).append(value)
    spent = NOISES * len(subject.conditions.texts)
    return {name: float(spent * (np.std(v, ddof=1) / np.mean(v) / ACCURACY) ** 2) for name, v in runs.items()}


def _peak_memory(model: str) -> tuple[float, float]:
    """Most memory, in MB, of a process of its own that has evaluated FEW noises, and after MANY more."""
    done = subprocess.run([sys.executable, "-m", __name__, model], capture_output=True, text=True, check=True)
    few, many = map(float, done.stdout.split())
    return few, many


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _most_memory() -> float:
    """The most memory that this process held, in MB. Linux counts a parent's in `ru_maxrss`, but not in its status."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    subject = Subject.of(sys.argv[1])
    for noises in (FEW, MANY):
        subject.evaluated(NoiseLevels.of(subject.denoiser.log_snr), noises, 0, 32)
        print(_most_memory())
