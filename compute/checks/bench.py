"""How fast the engine is and how many evaluations its numbers cost: ratios within one run, as machines are shared."""

import logging
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from compute.checks import efficiency
from compute.checks.efficiency import Subject
from compute.estimation.batching import BatchedDenoiser
from compute.estimation.evaluate import evaluate
from compute.estimation.noise_levels import NoiseLevels
from compute.estimation.tuning import best_batch
from compute.models import registry, waiting
from compute.models.denoiser import Denoiser
from compute.models.replay.adapter import PipelineAdapter
from compute.planning.work import STEPS
from store.prompts.conditions import Conditions, all_pairs, of_pairs
from store.records import Probe, TokenPair

MODEL = "embedded"
SCENE, WORDS = "a red heart, a wild cat and a female doctor", ("red", "heart", "wild", "cat", "female", "doctor")
ASKED: dict[int, tuple[TokenPair | Probe, ...]] = {  # texts -> pairs that need so many
    4: (efficiency.PROBES[0],),
    8: (TokenPair.find("a female doctor", "female", "doctor"),),
    44: all_pairs(SCENE, WORDS),
}
SECONDS, ROUNDS = 12.0, 3  # of bare denoiser and engine in turn, and how often at least
BRIEF, LONGEST = 16, 90.0  # noises of a round, and the seconds that it may last
PROBES = 2  # that evaluations are counted for, of those there are
FEW, MANY = 64, 512  # noises of two runs in turn, after which peak memory is compared
CALLS = 8  # of each, of which the fastest counts
BUSY = 2  # other processes that compute without an end
BESIDE = (4, 8)  # texts that the engine is held against the bare denoiser with, beside these processes
DRAFT = 16  # noises of one image
Report = Callable[[str], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BenchOptions:
    """What is measured: a saved `model`, or one of its size with random weights."""

    model: str = MODEL
    random_weights: bool = False
    size: tuple[int, int] | None = None  # of images in pixels, of a model with random weights
    dtype: str = "float32"
    device: str | None = None
    long: bool = False  # evaluations are counted for all PROBES of `efficiency`, in all its ways and for prompts too

    def load(self) -> PipelineAdapter:
        """Return the model; raises InputError if there is none."""
        if not self.random_weights:
            return registry.load(self.model, dtype=self.dtype, device=self.device)
        from compute.checks import random_weights

        device = torch.device(self.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if device.type == "cpu":
            waiting.watch()
        return random_weights.build(self.model, registry.DTYPES[self.dtype], device, self.size)


def steps(options: BenchOptions) -> int:
    """Return how often `measure` reports."""
    if options.random_weights:
        return 2 + options.long + len(ASKED)
    probes = len(efficiency.PROBES) if options.long else PROBES
    return 6 + options.long + len(ASKED) + probes


def measure(options: BenchOptions, report: Report = lambda _: None) -> Iterator[tuple[str, float]]:
    """Yield the name and value of each figure, as it is found; `report` is told what comes next.

    Of random weights only the speed is measured.

    Raises
    ------
    InputError: the model cannot be loaded.
    """
    report("loading")
    denoiser = options.load()
    latent = torch.randn(denoiser.latent_shape, generator=torch.Generator().manual_seed(0))
    report("best batch")
    batch = best_batch(denoiser, latent.shape, denoiser.encode(["a"]))
    yield "best batch", batch
    if options.long:
        report("compiling")
        yield from compiled(denoiser, latent, batch)
    for texts, pairs in ASKED.items():
        report(f"speed with {texts} texts")
        yield from rates(denoiser, of_pairs(pairs, denoiser), latent, batch)
    if denoiser.device.type == "cuda":
        yield "memory of the GPU at most (MB)", torch.cuda.max_memory_allocated() / 2**20
    elif not options.random_weights:
        report("speed beside other work")
        yield from _threads(denoiser, latent, batch, "idle")
        with waiting.asleep():
            yield from _threads(denoiser, latent, batch, "idle, asleep while they wait")
        with _busy_processes() as beside:
            yield from _threads(denoiser, latent, batch, beside)
            for texts in BESIDE:
                yield from rates(denoiser, of_pairs(ASKED[texts], denoiser), latent, batch, f", {beside}")
    if options.random_weights:
        return
    probes = efficiency.PROBES[: None if options.long else PROBES]
    yield from efficiency.measure(denoiser, probes, batch, options.long, report)
    report("a draft from a cold shell")
    yield from _drafts(options, denoiser, batch)
    report("memory")
    few, many = _peak_memory(options.model)
    yield f"peak memory, {FEW} noises (MB)", few
    yield f"peak memory, {MANY} noises (MB)", many
    yield "peak memory, ratio", many / few


def compiled(denoiser: PipelineAdapter, latent: torch.Tensor, batch: int) -> Iterator[tuple[str, float]]:
    """Evaluations a second of the bare denoiser compiled for this batch, and against as it is; seconds of compiling."""
    z, level = torch.randn(batch, *latent.shape), torch.zeros(batch).long()
    one = denoiser.encode(["a"]).select(level)

    def ask() -> None:
        denoiser.predict_noise(z, level, one)
        _wait(denoiser)

    ask()
    plain = min(_seconds(ask) for _ in range(CALLS))
    denoiser.network.compile()
    try:
        yield "compiled denoiser: seconds of compiling", _seconds(ask)
        ours = min(_seconds(ask) for _ in range(CALLS))
    except RuntimeError as error:  # no compiler on this machine, or the network cannot be compiled
        log.warning("the denoiser cannot be compiled: %s", str(error).splitlines()[0])
        return
    finally:
        denoiser.network._compiled_call_impl = None
    yield "compiled denoiser / bare denoiser", plain / ours


def rates(
    denoiser: PipelineAdapter, conditions: Conditions, latent: torch.Tensor, batch: int, beside: str = ""
) -> Iterator[tuple[str, float]]:
    """Evaluations a second, bare and through the engine, alternating, and the ratio that operations allow.

    The fastest rounds count, undisturbed by neighbours; `beside` known ones, all rounds. The bare denoiser is asked for
    whole batches, and nothing is shared between their rows. Where a round of the engine takes too long, one batch as it
    asks for it, all texts about each latent, stands for it.
    """
    texts, levels = len(conditions.texts), NoiseLevels.of(denoiser.log_snr)
    encoded = denoiser.encode(conditions.texts)
    latents = max(1, batch // texts)
    level = levels.level[torch.linspace(0, len(levels.level) - 1, latents).long()]
    z = torch.randn(latents, *latent.shape)

    def ask(rows: int, shares: bool) -> None:
        place = torch.arange(rows) // texts % latents
        denoiser.shares = shares
        try:
            denoiser.predict_noise(z[place], level[place], encoded.select(torch.arange(rows) % texts))
            _wait(denoiser)
        finally:
            denoiser.shares = True

    def engine() -> None:
        evaluate(BatchedDenoiser(denoiser, batch), levels, latent, conditions, encoded, noises=BRIEF, seed=0)
        _wait(denoiser)

    def bare(calls: int = 1) -> None:
        for _ in range(calls):
            ask(batch, shares=False)

    def one_batch() -> None:
        ask(latents * texts, shares=True)

    bare()
    rate, about = batch / _seconds(bare), f"{texts} texts{beside}"
    way, work, evaluations = "engine", engine, BRIEF * texts
    if evaluations / rate > LONGEST:
        way, work, evaluations = "a batch of the engine", one_batch, latents * texts
    if ROUNDS * evaluations / rate > LONGEST:
        yield f"left out, {about}: seconds of a batch", evaluations / rate
        return
    work()
    calls = max(1, evaluations // batch)  # as a short round meets fewer disturbances than a long one
    if not beside:
        alone, together = (_operations(partial(ask, latents * texts, shares)) for shares in (False, True))
        yield f"operations allow, {about}", alone / together
    spent: tuple[list[float], list[float]] = [], []
    began = time.perf_counter()
    while len(spent[0]) < ROUNDS or time.perf_counter() - began < SECONDS:
        spent[0].append(_seconds(partial(bare, calls)) / (calls * batch))
        spent[1].append(_seconds(work) / evaluations)
    plain, ours = (statistics.mean(each) if beside else min(each) for each in spent)
    yield f"evaluations a second, bare denoiser, {about}", 1 / plain
    yield f"evaluations a second, {way}, {about}", 1 / ours
    yield f"{way} / bare, {about}", plain / ours


def _operations(action: Callable[[], object]) -> int:
    """Count the multiplications and additions of matrices, convolutions and attention."""
    on_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu  # not among those that torch counts
    with FlopCounterMode(display=False, custom_mapping={on_cpu: _of_attention}) as counter:
        action()
    return counter.get_total_flops()


def _of_attention(query: torch.Size, key: torch.Size, value: torch.Size, *_: object, **__: object) -> int:
    return sdpa_flop_count(query, key, value)


def _threads(denoiser: Denoiser, latent: torch.Tensor, batch: int, about: str) -> Iterator[tuple[str, float]]:
    """Evaluations a second of the denoiser with one thread and with all."""
    encoded, level = denoiser.encode(["a"]).select(torch.zeros(batch).long()), torch.zeros(batch).long()
    usual = torch.get_num_threads()
    z = torch.randn(batch, *latent.shape)
    try:
        for threads in dict.fromkeys((1, usual)):
            torch.set_num_threads(threads)
            denoiser.predict_noise(z, level, encoded)
            spent = [_seconds(lambda: denoiser.predict_noise(z, level, encoded)) for _ in range(CALLS)]
            yield f"evaluations a second, {threads} threads, {about}", batch * len(spent) / sum(spent)
    finally:
        torch.set_num_threads(usual)


@contextmanager
def _busy_processes() -> Iterator[str]:
    """Run BUSY processes that compute without an end; yields what they are, in words."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(BUSY)]
    try:
        yield f"beside {BUSY} busy processes"
    finally:
        for other in others:
            other.kill()
            other.wait()


def _drafts(options: BenchOptions, denoiser: PipelineAdapter, batch: int) -> Iterator[tuple[str, float]]:
    """Seconds to the result of DRAFT noises about one image: from a shell, and with a model that is loaded."""
    command = f"compute run --prompt 'a female doctor' --pair female doctor --seeds 1 --noises {DRAFT}"
    with tempfile.TemporaryDirectory() as store:
        given = [*shlex.split(command), "--model", options.model, "--store", store]

        def run() -> None:
            subprocess.run([sys.executable, "-m", *given], check=True, capture_output=True)

        yield f"seconds to {DRAFT} noises, from a shell", _seconds(run)

    def warm() -> None:
        conditions = of_pairs(ASKED[8], denoiser)
        encoded, levels = denoiser.encode(conditions.texts), NoiseLevels.of(denoiser.log_snr)
        latent = denoiser.generate(ASKED[8][0].prompt, [1], denoiser.usual_guidance, STEPS)[0]
        evaluate(BatchedDenoiser(denoiser, batch), levels, latent, conditions, encoded, noises=DRAFT, seed=1)

    yield f"seconds to {DRAFT} noises, the model loaded", _seconds(warm)


def _wait(denoiser: Denoiser) -> None:
    if denoiser.device.type == "cuda":
        torch.cuda.synchronize(denoiser.device)


def _peak_memory(model: str) -> tuple[float, float]:
    """Most memory, in MB, of a process of its own that has evaluated FEW noises, and after MANY more."""
    done = subprocess.run([sys.executable, "-m", __name__, model], capture_output=True, text=True, check=True)
    few, many = map(float, done.stdout.split())
    return few, many


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def most_memory() -> float:
    """Return the most memory that this process held, in MB.

    Linux counts a parent's in `ru_maxrss`, but not in its status.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    subject = Subject.of(registry.load(sys.argv[1]), efficiency.PROBES[0])
    for noises in (FEW, MANY):
        subject.evaluated(NoiseLevels.of(subject.denoiser.log_snr), noises, 0, 32)
        print(most_memory())
