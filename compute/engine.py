"""From what is asked to published records: one prompt, some pairs of words, several images."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import diffusers
import numpy as np
import torch

from compute import generate
from compute.attention import AttentionRecorder
from compute.conditions import Conditions, of_pairs
from compute.denoiser import Denoiser
from compute.evaluate import Budget, Evaluation, evaluate
from compute.forward import Forward
from compute.information import gather
from compute.noise import NoiseLevels, check_noises
from compute.tuning import Tuning, Work, tune
from store import hdf5, measures
from store.errors import InputError
from store.measures import ORTHOGONAL, Surprisals
from store.records import MODES, PairResult, Probe, Provenance, RunKey, RunRecord, TokenPair


@dataclass(frozen=True)
class Request:
    """What is asked: information of `pairs`, all of one prompt, about the images of `seeds`, or about `image`.

    `cache` is where the fastest batch and precision are remembered; without it neither is looked for.
    """

    pairs: tuple[TokenPair | Probe, ...]
    seeds: tuple[int, ...] = (0,)
    guidance: float = 1.0
    budget: Budget = Budget(256)
    estimator: str = ORTHOGONAL
    measure: str = measures.DEFAULT
    surprisals: Surprisals | None = None
    image: Path | None = None
    cache: Path | None = None

    @property
    def prompt(self) -> str:
        return self.pairs[0].prompt

    def check(self, root: Path) -> None:
        """Raise InputError or StoreError for whatever can be known before a model is loaded."""
        if not self.pairs:
            raise InputError("pairs", "there are none", "name two words")
        measures.find(self.measure, self.estimator, self.surprisals)
        check_noises(self.budget.noises)
        if self.budget.target is not None and not 0 < self.budget.target < 1:
            raise InputError(f"target {self.budget.target}", "not between 0 and 1", "take 0.05 for 5 %")
        if not self.seeds:
            raise InputError("seeds", "there are none", "ask for at least one")
        hdf5.check_writable(root)


@dataclass(frozen=True)
class Cost:
    """What a run is about to spend, at most, before it spends it."""

    pairs: int
    texts: int
    images: int
    noises: int

    @property
    def evaluations(self) -> int:
        return self.texts * self.images * self.noises


@dataclass(frozen=True)
class Progress:
    """How much is done of what, in denoiser evaluations."""

    done: int
    total: int
    doing: str


def run(denoiser: Denoiser, request: Request, root: Path) -> Iterator[Cost | Progress | RunRecord]:
    """Compute `request` and publish it into the store `root`, image by image.

    Yields the cost, then progress, at the end the record. What the store holds already is not computed again.

    Raises
    ------
    InputError: nothing has been evaluated yet, or the model returned values that are not finite.
    """
    request.check(root)
    conditions = of_pairs(request.pairs, denoiser)
    uploaded, digest = generate.read_image(request.image, denoiser) if request.image else (None, "")
    request = replace(request, seeds=(0,), guidance=0.0) if digest else request
    key = RunKey(denoiser.name, denoiser.revision, request.prompt, request.guidance, digest)
    path = hdf5.path_of(root, key)
    stored = hdf5.read(path) if path.exists() else None
    missing = _missing(stored, request)
    cost = Cost(len(request.pairs), len(conditions.texts), len(missing), request.budget.noises)
    yield cost
    if stored:
        _show_as_asked(root, stored, request)
    if missing:
        yield Progress(0, cost.evaluations, "generating images")
        latents = uploaded if uploaded is not None else _latents(denoiser, request, missing, stored)
        yield from _evaluate_all(denoiser, key, conditions, missing, latents, request, cost, root)
    yield hdf5.read(path)


def _missing(stored: RunRecord | None, request: Request) -> list[int]:
    """The seeds of which some pair lacks what is asked for."""
    known = {result.pair: result for result in stored.pairs} if stored else {}
    return [seed for seed in request.seeds if not all(_has(known.get(pair), seed, request) for pair in request.pairs)]


def _has(known: PairResult | None, seed: int, request: Request) -> bool:
    """Whether this image got the noises asked for, or the precision."""
    if known is None or seed not in known.seeds:
        return False
    index = known.seeds.index(seed)
    if known.noises[index] >= request.budget.noises:
        return all(maps.maps.count > 1 for maps in known.information.values())
    if request.budget.target is None:
        return False
    both = [known.decomposition(mode)["both"] for mode in known.information]
    return all(one.total_se[index] <= request.budget.target * one.total[index] for one in both)


def _show_as_asked(root: Path, stored: RunRecord, request: Request) -> None:
    """Publish what is there of the pairs under the measure asked for: that takes arithmetic, no evaluation."""
    asked = (request.estimator, request.measure, request.surprisals)
    other = tuple(
        replace(known, estimator=request.estimator, measure=request.measure, surprisals=request.surprisals)
        for known in stored.pairs
        if known.pair in request.pairs and (known.estimator, known.measure, known.surprisals) != asked
    )
    if other:
        hdf5.publish(root, replace(stored, pairs=other))


def _latents(denoiser: Denoiser, request: Request, seeds: Sequence[int], stored: RunRecord | None) -> np.ndarray:
    """Latents of `seeds` (S, c, h, w), those that the store holds from there."""
    kept = dict(zip(stored.seeds, stored.latents, strict=True)) if stored else {}
    lacking = [seed for seed in seeds if seed not in kept]
    if lacking:
        fresh = generate.generate(denoiser, request.prompt, lacking, request.guidance)
        kept |= dict(zip(lacking, fresh, strict=True))
    return np.stack([kept[seed] for seed in seeds])


def _evaluate_all(
    denoiser: Denoiser,
    key: RunKey,
    conditions: Conditions,
    seeds: Sequence[int],
    latents: np.ndarray,
    request: Request,
    cost: Cost,
    root: Path,
) -> Generator[Progress, None, None]:
    """Evaluate image after image and publish each as it is done."""
    levels, encoded = NoiseLevels.of(denoiser.log_snr), denoiser.encode(conditions.texts)
    tensors = generate.as_tensor(latents)
    images = denoiser.decode(tensors)
    tuning = Tuning(denoiser.computes)
    if request.cache:
        yield Progress(0, cost.evaluations, "measuring what is fastest here")
        work = Work(levels, tensors[0], conditions, encoded, request.budget.noises, len(seeds))
        tuning = tune(denoiser, work, request.cache)
    forward = Forward(denoiser, tuning.batch)
    recorder = _recorder(denoiser, conditions)
    each = request.budget.noises * cost.texts
    with recorder or nullcontext(), denoiser.computing_in(tuning.dtype):
        for index, (seed, latent) in enumerate(zip(seeds, tensors, strict=True)):
            doing = f"image {index + 1} of {len(seeds)}"
            for step in evaluate(forward, levels, latent, conditions, encoded, request.budget, seed, recorder):
                if isinstance(step, Evaluation):
                    results = tuple(_result(step, pair, seed, request) for pair in request.pairs)
                    one = slice(index, index + 1)
                    about = _provenance(request, tuning)
                    hdf5.publish(root, RunRecord(key, (seed,), images[one], latents[one], results, about))
                else:
                    yield Progress(index * each + step * cost.texts, cost.evaluations, doing)


def _recorder(denoiser: Denoiser, conditions: Conditions) -> AttentionRecorder | None:
    """What records the attention to every word of the pairs, where the prompt is among the texts."""
    pairs = [pair for pair, _ in conditions.rows if isinstance(pair, TokenPair)]
    spans = sorted({span for pair in pairs for span in (pair.first, pair.second)})
    return denoiser.attention(pairs[0].prompt, spans) if pairs else None


def _result(evaluation: Evaluation, pair: TokenPair | Probe, seed: int, request: Request) -> PairResult:
    seen = [evaluation.attention[word] for word in pair.words if word in evaluation.attention]
    return PairResult(
        pair=pair,
        seeds=(seed,),
        noises=(evaluation.noises,),
        information={
            mode: gather(evaluation, pair, mode) for mode in MODES if (pair, mode) in evaluation.conditions.rows
        },
        estimator=request.estimator,
        measure=request.measure,
        surprisals=request.surprisals,
        attention=np.stack(seen)[None] if len(seen) == 2 else None,
        retried=evaluation.retried,
    )


def _provenance(request: Request, tuning: Tuning) -> Provenance:
    return Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"{hdf5.SOFTWARE}, torch {torch.__version__}, diffusers {diffusers.__version__}",
        settings={
            "steps": generate.STEPS,
            "noises": request.budget.noises,
            "target": request.budget.target,
            "dtype": str(tuning.dtype).removeprefix("torch."),
            "image": request.image.name if request.image else "",
        },
    )
