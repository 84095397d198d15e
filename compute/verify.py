"""Holds the estimators against known truth: what `python -m compute verify` prints."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np
import torch

from compute.analytic import GATES, AnalyticDenoiser, Gate
from compute.conditions import of_pair
from compute.denoiser import Denoiser
from compute.evaluate import Evaluation, evaluate
from compute.information import gather
from compute.models import registry
from compute.models.unet import UNetDenoiser
from compute.noise import NoiseLevels
from compute.pid import decompose
from store.records import NATS_PER_BIT, TokenPair

IMAGES, NOISES, BATCH = 96, 8192, 4096  # images of a gate, noises of each, evaluations at once

# In bits: redundancy over all images by minimum mutual information, what is left of it pixel by pixel,
# and the mutual information of both words with the image. COR's words agree with probability 0.8.
CORRELATION = 1 + 0.8 * np.log2(0.8) + 0.2 * np.log2(0.2)
AND_ONE = 2 - 0.75 * np.log2(3) - 0.5
TRUTH = {
    "RDN": (1.0, 1.0, 1.0),
    "UNQ": (1.0, 0.0, 2.0),
    "XOR": (0.0, 0.0, 1.0),
    "AND": (AND_ONE, AND_ONE, 2 - 0.75 * np.log2(3)),
    "MIX": (2.0, 1.0, 4.0),
    "COR": (1.0, CORRELATION, 2 - CORRELATION),
}


@dataclass(frozen=True)
class Row:
    """One quantity held against its truth; passed when they differ by no more than `tolerance`."""

    check: str
    quantity: str
    estimate: float
    truth: float
    tolerance: float
    unit: str

    @property
    def error(self) -> float:
        return self.estimate - self.truth

    @property
    def passed(self) -> bool:
        return bool(abs(self.error) <= self.tolerance)

    def line(self) -> str:
        """The row as the command prints it."""
        verdict = "ok" if self.passed else "FAILED"
        return (
            f"{self.check:12} {self.quantity:46} {self.estimate:10.4g} {self.truth:10.4g} "
            f"{self.error:+10.2g} (within {self.tolerance:.2g}) {self.unit:5} {verdict}"
        )


def checks() -> Iterator[Row]:
    """All rows, as they are found."""
    yield _quadrature()
    for gate in GATES.values():
        yield from _gate(gate)
    yield _parity(registry.load("embedded", dtype="float32", device="cpu"))


def report(rows: list[Row]) -> dict[str, object]:
    """The rows in the form that the Method page reads."""
    named = [asdict(row) | {"error": row.error, "passed": row.passed} for row in rows]
    return {"created": datetime.now(UTC).isoformat(timespec="seconds"), "rows": named}


def _quadrature() -> Row:
    """The grid's integral of sigmoid over log SNR against its closed form."""
    levels = NoiseLevels.of(torch.linspace(-12, 8, 1000, dtype=torch.float64))
    estimate = float((levels.width * levels.log_snr.sigmoid()).sum())
    ends = torch.nn.functional.softplus(levels.log_snr[[0, -1]])
    truth = float(ends[1] - ends[0])
    return Row("grid", "integral of a known function", estimate, truth, 1e-4 * truth, "nats")


def _gate(gate: Gate) -> Iterator[Row]:
    """One gate, averaged over images of every component with its probability."""
    denoiser = AnalyticDenoiser(gate)
    share = IMAGES // len(gate.components)
    average: dict[str, np.ndarray] = {}
    exact = exact_first = gap = 0.0
    for index, (probability, words, _) in enumerate(gate.components):
        prompt = " ".join(words)
        latents = denoiser.generate(prompt, range(index * share, (index + 1) * share), 1.0, 1)
        found = [_evaluate(denoiser, prompt, latent, NOISES, 7919 * index + n) for n, latent in enumerate(latents)]
        replicated = gather(found, "pid")
        for name, values in replicated.maps.items():
            average[name] = average.get(name, 0) + probability * values.mean((0, 1))
        ratio = [denoiser.log_density(latents, text) - denoiser.log_density(latents, "") for text in (words[0], prompt)]
        exact_first += probability * float(ratio[0].mean())
        exact += probability * float(ratio[1].mean())
        result = decompose(replicated)
        sums = result.redundancy.map.sum((1, 2), dtype=np.float64)
        gap = max(gap, float(np.abs(sums - result.redundancy.total).max()), 0.0 if result.consistent else np.inf)
    bits = {name: values / NATS_PER_BIT for name, values in average.items()}
    population, pixel, mutual = TRUTH[gate.name]
    first, second = bits["first"], bits["second"]
    yield Row(gate.name, "I(both), orthogonal", bits["both"].sum(), mutual, 0.04 * mutual, "bits")
    yield Row(gate.name, "R, mmi, all pixels together", min(first.sum(), second.sum()), population, 0.05, "bits")
    yield Row(gate.name, "R, mmi, pixel by pixel", np.minimum(first, second).sum(), pixel, 0.05, "bits")
    standard = average["standard_both"].sum()
    yield Row(gate.name, "I(both), standard, to the images' own ratio", standard, exact, 0.02 * exact, "nats")
    standard = average["standard_first"].sum()
    yield Row(gate.name, "I(first), standard, to the images' own ratio", standard, exact_first, 0.03, "nats")
    yield Row(gate.name, "pixel sums against image values", gap, 0.0, 1e-4, "nats")


def _parity(denoiser: UNetDenoiser) -> Row:
    """Our denoiser call against what the pipeline itself computes while it generates."""
    seen = []
    unet, prompt = denoiser.unet, "a female doctor"
    hook = unet.register_forward_hook(lambda _, given, out: seen.append((*given[:2], out[0])))
    try:
        denoiser.generate(prompt, [0], 1.0, 4)
    finally:
        hook.remove()
    worst = 0.0
    encoded = denoiser.encode([prompt])
    for z, step, output in seen:
        level = step.reshape(1).long()
        alpha = denoiser.alphas[level].view(-1, 1, 1, 1).float()
        own = denoiser.predict_noise(z, level, encoded)
        noise = output if denoiser.prediction == "epsilon" else alpha.sqrt() * output + (1 - alpha).sqrt() * z
        worst = max(worst, float((own - noise).abs().max()))
    return Row("parity", f"{denoiser.name}: largest difference to the pipeline", worst, 0.0, 1e-5, "")


def _evaluate(denoiser: Denoiser, prompt: str, latent: torch.Tensor, noises: int, seed: int) -> Evaluation:
    first, second = prompt.split()
    conditions = of_pair(TokenPair.find(prompt, first, second), denoiser)
    levels = NoiseLevels.of(denoiser.log_snr)
    *_, last = evaluate(denoiser, levels, latent, conditions, noises, seed, BATCH)
    assert isinstance(last, Evaluation)
    return last
