"""What only a CUDA machine can show: `bash tests/gpu/check.sh`. A table of checks comes last."""

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import torch

from compute.checks.efficiency import PROBES
from compute.estimation.batching import BatchedDenoiser
from compute.estimation.evaluate import evaluate
from compute.estimation.noise_levels import NoiseLevels
from compute.models import parity, registry
from compute.models.replay.adapter import PipelineAdapter
from store.prompts.conditions import of_pairs

NEAR = {"float32": 1e-4, "bfloat16": 0.1, "float16": 0.02}  # of predictions to those of the CPU in float32
ROOM = 0.02  # of the GPU's memory, while a batch must not fit
HUGE = 2**14
REAL = {"sd-2.1": 150, "sdxl": 180}  # model -> seconds that its benchmark may take


class Row(NamedTuple):
    """One check: what was found, and whether that is right."""

    name: str
    found: str
    right: bool


def rows(device: str) -> Iterator[Row]:
    """Yield the checks as they are done."""
    exact = registry.load("embedded", dtype="float32", device="cpu")
    for dtype, near in NEAR.items():
        yield from _alike(exact, registry.load("embedded", dtype=dtype, device=device), dtype, near)
    denoiser = registry.load("embedded", dtype="float32", device=device)
    yield from _coarser(denoiser)
    if device == "cuda":
        yield _waits(denoiser)
        yield _out_of_memory(denoiser)
    yield _not_finite(denoiser)
    yield _killed()
    for model, seconds in REAL.items():
        yield from _speed(model, device, seconds)


def _alike(exact: PipelineAdapter, other: PipelineAdapter, dtype: str, near: float) -> Iterator[Row]:
    off = parity.deviation(other)
    yield Row(f"{dtype}: predictions against the pipeline's own", f"{off:.1g}", off < near)
    texts, one = ["", "a cat", "a dog"], torch.arange(6) % 3
    z = torch.randn(2, *exact.latent_shape, generator=torch.Generator().manual_seed(0)).repeat_interleave(3, 0)
    level = torch.tensor([200, 700]).repeat_interleave(3)
    plain, found = (each.predict_noise(z, level, each.encode(texts).select(one)).cpu() for each in (exact, other))
    off = float((plain - found).abs().max() / plain.abs().max())
    yield Row(f"{dtype}: predictions against the CPU", f"{off:.1g}", off < near)
    shared = other._shared.modules if other._shared else 0
    yield Row(f"{dtype}: modules that rows share", str(shared), shared > 0)


def _total(denoiser: PipelineAdapter, batch: int) -> tuple[float, BatchedDenoiser]:
    conditions = of_pairs(PROBES[:1], denoiser)
    batched, levels = BatchedDenoiser(denoiser, batch), NoiseLevels.of(denoiser.log_snr)
    latent = torch.randn(denoiser.latent_shape, generator=torch.Generator().manual_seed(1))
    found = evaluate(batched, levels, latent, conditions, denoiser.encode(conditions.texts), noises=256, seed=0)
    return float(found.distance.mean(0).sum()), batched


def _coarser(denoiser: PipelineAdapter) -> Iterator[Row]:
    """Weights in a coarser precision and with channels last, of a model that was loaded in single precision."""
    exact, _ = _total(denoiser, 16)
    for dtype in denoiser.dtypes[1:]:
        with denoiser.computing_in(dtype):
            own, (found, _) = denoiser.network.dtype == dtype, _total(denoiser, 16)
        about = f"{str(dtype).removeprefix('torch.')}: weights of its own, total against float32"
        yield Row(about, f"{'yes' if own else 'autocast'}, {abs(found / exact - 1):.1g}", own)
    denoiser.lay_out(True)
    last, _ = _total(denoiser, 16)
    denoiser.lay_out(False)
    off = abs(last / exact - 1)
    yield Row("channels last: total", f"{off:.1g}", off < 1e-4)


def _waits(denoiser: PipelineAdapter) -> Row:
    """How often the loop waits for the GPU: once for several batches, and at its end."""
    _total(denoiser, 16)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            _total(denoiser, 16)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    waits, batches = sum("synchroniz" in str(one.message) for one in found), 256 * 4 // 16
    return Row("waits for the GPU in so many batches", f"{waits} in {batches}", waits < batches)


def _out_of_memory(denoiser: PipelineAdapter) -> Row:
    small, _ = _total(denoiser, 16)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(ROOM)
    try:
        large, batched = _total(denoiser, HUGE)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    off = abs(large / small - 1)
    return Row("out of memory: batch halved, totals alike", f"{HUGE} to {batched.batch}, {off:.1g}", off < 1e-4)


def _not_finite(denoiser: PipelineAdapter) -> Row:
    plain, _ = _total(denoiser, 16)
    calls: list[int] = []

    def spoil(module: torch.nn.Module, given: tuple, found: object) -> None:
        calls.append(1)
        if len(calls) == 1:
            found[0].fill_(torch.nan)  # type: ignore[index]

    hook = denoiser.network.register_forward_hook(spoil)
    mended, batched = _total(denoiser, 16)
    hook.remove()
    off = abs(mended / plain - 1)
    return Row("values that are not finite are asked again", f"{batched.retried} again, {off:.1g}", off < 1e-4)


def _killed() -> Row:
    """The worker's own tests of a process that is killed, on this machine."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/integration/test_worker.py", "-k", "kill"]
    done = subprocess.run(command, capture_output=True, text=True)
    return Row("a worker whose process is killed", done.stdout.strip().splitlines()[-1][:60], done.returncode == 0)


def _speed(model: str, device: str, seconds: float) -> Iterator[Row]:
    options = ["--model", model, "--random-weights", "--dtype", "float16", "--device", device, "--json"]
    command = [sys.executable, "-m", "compute", "bench", *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        yield Row(f"{model}: benchmark", f"more than {seconds} s", False)
        return
    if done.returncode:
        yield Row(f"{model}: benchmark", (done.stderr.strip().splitlines() or ["no word"])[-1][:80], False)
        return
    for name, value in json.loads(done.stdout).items():
        yield Row(f"{model}: {name}", f"{value:.4g}", "engine / bare" not in name or value >= 0.95)


def main(device: str = "cuda") -> int:
    """Print the table; return 1 if a row is not right."""
    found = list(rows(device))
    card = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(f"{card}, torch {torch.__version__}")
    for row in found:
        print(f"{row.name:60} {row.found:>24} {'ok' if row.right else 'FAILED'}")
    return int(not all(row.right for row in found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
