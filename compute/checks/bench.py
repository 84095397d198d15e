"""How fast the engine is and how many evaluations its numbers cost: ratios within one run, as machines are shared."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from compute.checks import efficiency
from compute.checks.efficiency import Subject
from compute.estimation.noise_levels import NoiseLevels
from compute.estimation.tuning import best_batch
from compute.models import registry

MODEL = "embedded"
ROUNDS, BRIEF = 25, 32  # of bare denoiser and engine in turn, and the noises of each
PROBES = 3  # that evaluations are counted for, of those there are
FEW, MANY = 64, 512  # noises of two runs in turn, after which peak memory is compared


def measure(model: str = MODEL, long: bool = False) -> Iterator[tuple[str, float]]:
    """Yield the name and value of each figure, as it is found; raises InputError if `model` cannot be loaded.

    A `long` run counts evaluations for all PROBES of `efficiency`.
    """
    denoiser = registry.load(model)
    subject = Subject.of(denoiser, efficiency.PROBES[0])
    batch = best_batch(subject.denoiser, subject.latent.shape, subject.encoded)
    yield "best batch", batch
    yield from _rates(subject, batch)
    yield from efficiency.measure(denoiser, efficiency.PROBES[: None if long else PROBES], batch)
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
    subject = Subject.of(registry.load(sys.argv[1]), efficiency.PROBES[0])
    for noises in (FEW, MANY):
        subject.evaluated(NoiseLevels.of(subject.denoiser.log_snr), noises, 0, 32)
        print(_most_memory())
