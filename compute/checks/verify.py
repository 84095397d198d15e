"""Holds the estimators against known truth: what `python -m compute verify` prints."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import reduce

import numpy as np
import torch
from scipy import stats

from compute.checks.analytic import GATES, AnalyticDenoiser, Gate
from compute.embedded.experiments import Recovered, Separated
from compute.estimation.batching import BatchedDenoiser
from compute.estimation.evaluate import evaluate
from compute.estimation.information import gather
from compute.estimation.noise_levels import NoiseLevels
from compute.models import parity, registry
from compute.models.denoiser import Denoiser
from store.pid.decomposition import PARTS, decompose
from store.pid.information import NATS_PER_BIT, REPLICATES, InformationMaps
from store.pid.measures import STANDARD
from store.pid.measures.aligned import aligned
from store.prompts import densities
from store.prompts.conditions import of_pairs
from store.records import TokenPair

IMAGES, NOISES, BATCH = 96, 4096, 4096  # images of a gate, noises of each, evaluations at once
RUNS, RUN_IMAGES, RUN_NOISES = 400, 16, 256  # of the calibration
COVERAGE, NEAR = 0.9, 0.05  # of intervals, and how far their true coverage may be from it
SURE = 2.0  # standard errors of a share or a spread of RUNS that are no proof
PILOT = 256  # noises of each image that a density of log SNR is learned from

CORRELATION = 1 + 0.8 * np.log2(0.8) + 0.2 * np.log2(0.2)  # COR's words agree with probability 0.8
AND_ONE = 2 - 0.75 * np.log2(3) - 0.5
AND_ALIGNED = 0.0613  # by quadrature in the one dimension that its image varies in: tests/unit/pid/test_measures.py


@dataclass(frozen=True)
class Truth:
    """What is known of a gate, in bits; None where no closed form is.

    `both` is the mutual information of both words with the image. Redundancy: `mmi` of all pixels and images together,
    `mmi_pixel` pixel by pixel, `aligned` likewise at any level, `ccs` of each image by itself, averaged.
    """

    both: float
    mmi: float
    mmi_pixel: float | None
    aligned: float | None
    ccs: float | None


TRUTH = {
    "RDN": Truth(both=1, mmi=1, mmi_pixel=1, aligned=1, ccs=1),
    "UNQ": Truth(both=2, mmi=1, mmi_pixel=0, aligned=0, ccs=0),
    "XOR": Truth(both=1, mmi=0, mmi_pixel=0, aligned=0, ccs=0),
    "AND": Truth(
        both=2 - 0.75 * np.log2(3), mmi=AND_ONE, mmi_pixel=AND_ONE, aligned=AND_ALIGNED, ccs=np.log2(4 / 3) / 4
    ),
    "MIX": Truth(both=4, mmi=2, mmi_pixel=1, aligned=1, ccs=None),
    "COR": Truth(both=2 - CORRELATION, mmi=1, mmi_pixel=CORRELATION, aligned=CORRELATION, ccs=0.8 * np.log2(1.6)),
    "UNQ-same": Truth(both=2, mmi=1, mmi_pixel=None, aligned=0, ccs=0),
    "MIX-same": Truth(both=4, mmi=2, mmi_pixel=None, aligned=1, ccs=None),
}


@dataclass(frozen=True)
class VerifyRow:
    """One quantity held against its truth; passed when they differ by no more than `tolerance`."""

    check: str
    quantity: str
    estimate: float
    truth: float
    tolerance: float
    unit: str

    @property
    def error(self) -> float:
        """Estimate less truth, in the unit of both."""
        return self.estimate - self.truth

    @property
    def passed(self) -> bool:
        """Whether the estimate lies within the tolerance."""
        return bool(abs(self.error) <= self.tolerance)

    def line(self) -> str:
        """Return the row as the command prints it."""
        verdict = "ok" if self.passed else "FAILED"
        return (
            f"{self.check:12} {self.quantity:46} {self.estimate:10.4g} {self.truth:10.4g} "
            f"{self.error:+10.2g} (within {self.tolerance:.2g}) {self.unit:5} {verdict}"
        )


def checks() -> Iterator[VerifyRow]:
    """Yield every row as it is found, the closed forms first."""
    yield _quadrature()
    for gate in GATES.values():
        yield from _gate(gate)
    yield from _calibration()
    yield _parity()


def report(rows: list[VerifyRow], found: Sequence[Recovered | Separated] = ()) -> dict[str, object]:
    """Return the rows, and what the experiments on the embedded model found, in the form that the Method page reads."""
    named = [asdict(row) | {"error": row.error, "passed": row.passed} for row in rows]
    experiments = {
        name: [asdict(each) for each in found if isinstance(each, kind)]
        for name, kind in (("recovered", Recovered), ("separated", Separated))
    }
    return {"created": datetime.now(UTC).isoformat(timespec="seconds"), "rows": named, **experiments}


def _quadrature() -> VerifyRow:
    """The grid's integral of sigmoid over log SNR against its closed form."""
    levels = NoiseLevels.of(torch.linspace(-12, 8, 1000, dtype=torch.float64))
    estimate = float((levels.width * levels.log_snr.sigmoid()).sum())
    ends = torch.nn.functional.softplus(levels.log_snr[[0, -1]])
    truth = float(ends[1] - ends[0])
    return VerifyRow(
        check="grid",
        quantity="integral of a known function",
        estimate=estimate,
        truth=truth,
        tolerance=1e-4 * truth,
        unit="nats",
    )


def _gate(gate: Gate) -> Iterator[VerifyRow]:
    """One gate, averaged over images of every component with its probability."""
    denoiser = AnalyticDenoiser(gate)
    levels = learned(denoiser)
    share = IMAGES // len(gate.components)
    average: dict[str, np.ndarray] = {}
    exact = exact_first = gap = common = 0.0
    for index, (probability, words, _) in enumerate(gate.components):
        prompt = " ".join(words)
        latents = denoiser.generate(prompt, range(index * share, (index + 1) * share), 1.0, 1)
        found = [
            measured(denoiser, levels, prompt, latent, NOISES, 7919 * index + n) for n, latent in enumerate(latents)
        ]
        maps = reduce(InformationMaps.joined, found).maps
        for name, values in maps.maps.items():
            average[name] = average.get(name, 0) + probability * values.mean((0, 1), dtype=np.float64)
        ratio = [denoiser.log_density(latents, text) - denoiser.log_density(latents, "") for text in (words[0], prompt)]
        exact_first += probability * float(ratio[0].mean())
        exact += probability * float(ratio[1].mean())
        result = decompose(maps, "mmi")
        common += probability * decompose(maps.at("image"), "ccs", STANDARD)["redundancy"].mean()[0]
        sums = result["redundancy"].map.sum((1, 2), dtype=np.float64)
        gap = max(gap, float(np.abs(sums - result["redundancy"].total).max()), 0.0 if result.consistent else np.inf)
    bits, truth = {name: values / NATS_PER_BIT for name, values in average.items()}, TRUTH[gate.name]
    first, second = bits["first"], bits["second"]
    redundancies = {
        "mmi, all pixels together": (min(first.sum(), second.sum()), truth.mmi),
        "mmi, pixel by pixel": (np.minimum(first, second).sum(), truth.mmi_pixel),
        "aligned": (aligned(bits).sum(), truth.aligned),
        "ccs of standard estimates, image by image": (common / NATS_PER_BIT, truth.ccs),
    }
    yield VerifyRow(
        check=gate.name,
        quantity="I(both), orthogonal",
        estimate=bits["both"].sum(),
        truth=truth.both,
        tolerance=0.04 * truth.both,
        unit="bits",
    )
    for name, (estimate, value) in redundancies.items():
        if value is not None:
            yield VerifyRow(
                check=gate.name,
                quantity=f"R, {name}",
                estimate=estimate,
                truth=value,
                tolerance=min(0.05, value / 3 or 0.05),
                unit="bits",
            )
    standard = average["standard_both"].sum()
    yield VerifyRow(
        check=gate.name,
        quantity="I(both), standard, to the images' own ratio",
        estimate=standard,
        truth=exact,
        tolerance=0.02 * exact,
        unit="nats",
    )
    standard = average["standard_first"].sum()
    yield VerifyRow(
        check=gate.name,
        quantity="I(first), standard, to the images' own ratio",
        estimate=standard,
        truth=exact_first,
        tolerance=0.03,
        unit="nats",
    )
    yield VerifyRow(
        check=gate.name,
        quantity="pixel sums against image values",
        estimate=gap,
        truth=0.0,
        tolerance=1e-4,
        unit="nats",
    )


def _calibration() -> Iterator[VerifyRow]:
    """Whether stated errors of a run's mean are its spread, and how often 90 % intervals hold the truth.

    Runs differ by their noise alone. The truth is that of the run's own images, from many more noises: a standard
    error speaks of the estimate. The errors of single images are estimated too, so an interval takes the quantile of
    Student's t, with degrees of freedom as Satterthwaite (1946) combines those of the images.
    """
    gate = GATES["MIX"]
    denoiser = AnalyticDenoiser(gate)
    levels = learned(denoiser)
    chosen = [gate.components[index] for index in np.random.default_rng(0).choice(len(gate.components), RUN_IMAGES)]
    prompts = [" ".join(words) for _, words, _ in chosen]
    latents = [denoiser.generate(prompt, [n], 1.0, 1)[0] for n, prompt in enumerate(prompts)]
    names = ("first", "second", "both", *PARTS[::3])

    def run(noises: int, start: int) -> np.ndarray:
        """Totals and their errors, (names, images, 2)."""
        images = [
            measured(denoiser, levels, *image, noises, start + n)
            for n, image in enumerate(zip(prompts, latents, strict=True))
        ]
        found = decompose(reduce(InformationMaps.joined, images).maps, "mmi")
        return np.stack([found[name].with_error for name in names])

    def means(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means over images, and the squares of their errors."""
        return found[..., 0].mean(-1), np.square(found[..., 1]).sum(-1) / RUN_IMAGES**2

    truth, doubt = means(run(128 * RUN_NOISES, 10**7))  # (names,)
    runs = np.stack([run(RUN_NOISES, RUN_IMAGES * number) for number in range(RUNS)])  # (RUNS, names, images, 2)
    found, variance = means(runs)  # (RUNS, names)
    freedom = (REPLICATES - 1) * (variance * RUN_IMAGES**2) ** 2 / (runs[..., 1] ** 4).sum(-1)
    quantile = stats.t.ppf(0.5 + COVERAGE / 2, freedom)
    held = (np.abs(found - truth) <= quantile * np.sqrt(variance + doubt)).mean(0)
    for name, share, stated, spread in zip(names, held, np.sqrt(variance.mean(0)), found.std(0, ddof=1), strict=True):
        yield VerifyRow(
            check="calibration",
            quantity=f"stated error against spread, {name}",
            estimate=stated / spread,
            truth=1.0,
            tolerance=NEAR + SURE / (2 * RUNS) ** 0.5,
            unit="",
        )
        yield VerifyRow(
            check="calibration",
            quantity=f"share of {COVERAGE:.0%} intervals around the truth, {name}",
            estimate=share,
            truth=COVERAGE,
            tolerance=NEAR + SURE * (COVERAGE * (1 - COVERAGE) / RUNS) ** 0.5,
            unit="",
        )


def _parity() -> VerifyRow:
    """Our denoiser call against what the pipeline itself computes while it generates."""
    denoiser = registry.load("embedded", dtype="float32", device="cpu")
    return VerifyRow(
        check="parity",
        quantity=f"{denoiser.name}: largest relative difference to the pipeline",
        estimate=parity.deviation(denoiser),
        truth=0.0,
        tolerance=1e-5,
        unit="",
    )


def learned(denoiser: AnalyticDenoiser) -> NoiseLevels:
    """Return the noise levels of a gate, drawn as the engine does once it knows where images have their information."""
    levels = NoiseLevels.of(denoiser.log_snr)
    shares = []
    for number, (_, words, _) in enumerate(denoiser.gate.components):
        prompt, seed = " ".join(words), 10**6 + number
        (latent,) = denoiser.generate(prompt, [seed], 1.0, 1)
        shares.append(densities.shares_of(measured(denoiser, levels, prompt, latent, PILOT, seed).curve)[0])
    return levels.focused(np.mean(shares, axis=0).tolist())


def measured(
    denoiser: Denoiser,
    levels: NoiseLevels,
    prompt: str,
    latent: torch.Tensor,
    noises: int,
    seed: int,
    batch: int = BATCH,
) -> InformationMaps:
    """Return the information maps, in nats, of one `latent` (c, h, w) of a prompt that is just two words, isolated."""
    pair = TokenPair.find(prompt, *prompt.split())
    conditions, batched = of_pairs([pair], denoiser), BatchedDenoiser(denoiser, batch)
    encoded = denoiser.encode(conditions.texts)
    found = evaluate(batched, levels, latent, conditions, encoded, noises=noises, seed=seed)
    return gather(found, pair, "pid")
