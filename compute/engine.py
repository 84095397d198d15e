"""From what is asked to published records: one prompt, some pairs of words, several images."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import diffusers
import numpy as np
import torch

from compute import generate
from compute.attention import AttentionRecorder
from compute.conditions import Conditions, of_pairs
from compute.denoiser import Conditioning, Denoiser
from compute.evaluate import Budget, Evaluation, evaluate
from compute.forward import Forward
from compute.information import gather
from compute.noise import NoiseLevels, check_noises
from compute.tuning import Tuning, Work, tune
from compute.units import Unit, identities, owed, satisfied
from store import hdf5, measures
from store.errors import InputError
from store.identity import Identity
from store.measures import ORTHOGONAL, Surprisals
from store.records import MODES, Label, PairResult, Probe, Provenance, RunKey, RunRecord, TokenPair


@dataclass(frozen=True)
class Request:
    """What is asked: information of `pairs`, all of one prompt, about the images of `seeds`, or about `image`.

    `cache` is where the fastest batch and precision are remembered; without it neither is looked for. `labels` say
    which place pairs have in studies.
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
    labels: Mapping[TokenPair | Probe, tuple[Label, ...]] = field(default_factory=dict)

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
    evaluations: int


@dataclass(frozen=True)
class Progress:
    """How much is done of what, in denoiser evaluations."""

    done: int
    total: int
    doing: str


def run(denoiser: Denoiser, request: Request, root: Path) -> Iterator[Cost | Progress | RunRecord]:
    """Do what `request` asks, publishing into the store `root`; yields cost, progress, at the end the record.

    What the store already has is not computed again, what has fewer noises than asked for gets the rest, and another
    measure takes no evaluation. Every image is published as it is done, so that an interrupted run keeps it.

    Raises
    ------
    InputError: what is asked cannot be computed, or the model returned values that are not finite.
    StoreError: what is there cannot be read, or the store cannot be written.
    """
    request.check(root)
    conditions, levels = of_pairs(request.pairs, denoiser), NoiseLevels.of(denoiser.log_snr)
    uploaded, digest = generate.read_image(request.image, denoiser) if request.image else (None, "")
    request = replace(request, seeds=(0,), guidance=0.0) if digest else request
    key = RunKey(denoiser.name, denoiser.revision, request.prompt, request.guidance, digest)
    path = hdf5.path_of(root, key)
    stored = hdf5.read(path) if path.exists() else None
    units = list(owed(stored, identities(key, conditions, levels), request.seeds, request.budget))
    cost = _cost(denoiser, request, conditions, units)
    yield cost
    if stored:
        _show_as_asked(root, stored, request)
    if units:
        yield Progress(0, cost.evaluations, "generating images")
        seeds = list(dict.fromkeys(unit.seed for unit in units))
        latents = uploaded if uploaded is not None else _latents(denoiser, request, seeds, stored)
        images = dict(zip(seeds, latents, strict=True))
        yield from _evaluate_all(denoiser, key, levels, units, images, request, cost, root)
    yield hdf5.read(path)


def _cost(denoiser: Denoiser, request: Request, conditions: Conditions, units: Sequence[Unit]) -> Cost:
    evaluations = sum(len(of_pairs(unit.pairs, denoiser).texts) * (request.budget.noises - unit.done) for unit in units)
    images = len({unit.seed for unit in units})
    return Cost(len(request.pairs), len(conditions.texts), images, request.budget.noises, evaluations)


def _show_as_asked(root: Path, stored: RunRecord, request: Request) -> None:
    """Publish what is there of the pairs under the measure and labels asked for: arithmetic, no evaluation."""

    def asked(known: PairResult) -> PairResult:
        return replace(
            known,
            estimator=request.estimator,
            measure=request.measure,
            surprisals=request.surprisals,
            labels=tuple(dict.fromkeys((*known.labels, *request.labels.get(known.pair, ())))),
        )

    def shown(known: PairResult) -> tuple:
        return known.estimator, known.measure, known.surprisals, known.labels

    there = [known for known in stored.pairs if known.pair in request.pairs]
    other = tuple(asked(known) for known in there if shown(asked(known)) != shown(known))
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
    levels: NoiseLevels,
    units: Sequence[Unit],
    latents: Mapping[int, np.ndarray],
    request: Request,
    cost: Cost,
    root: Path,
) -> Generator[Progress, None, None]:
    """Evaluate unit after unit and publish each round of noises as it is done."""
    tensors = {seed: generate.as_tensor(latent) for seed, latent in latents.items()}
    images = dict(zip(tensors, denoiser.decode(torch.stack(list(tensors.values()))), strict=True))
    prepared = cache(lambda pairs: _prepare(denoiser, pairs))
    tuning = Tuning(denoiser.computes)
    if request.cache:
        yield Progress(0, cost.evaluations, "measuring what is fastest here")
        conditions, encoded = prepared(units[0].pairs)
        work = Work(levels, tensors[units[0].seed], conditions, encoded, request.budget.noises, len(units))
        tuning = tune(denoiser, work, request.cache)
    forward, about, spent = Forward(denoiser, tuning.batch), _provenance(request, tuning), 0
    for number, unit in enumerate(units, 1):
        conditions, encoded = prepared(unit.pairs)
        recorder, results, done = _recorder(denoiser, conditions), dict(unit.known), unit.done
        with recorder or nullcontext(), denoiser.computing_in(tuning.dtype):
            for noises in request.budget.rounds(unit.done):
                latent = tensors[unit.seed]
                for step in evaluate(forward, levels, latent, conditions, encoded, noises, unit.seed, recorder, done):
                    if isinstance(step, Evaluation):
                        done += noises
                        for pair, identity in unit.identities.items():
                            fresh = _result(step, pair, identity.of(unit.seed, done), request)
                            results[pair] = results[pair].refined(fresh) if pair in results else fresh
                    else:
                        doing = f"image {number} of {len(units)}"
                        yield Progress(spent + step * len(conditions.texts), cost.evaluations, doing)
                spent += noises * len(conditions.texts)
                seen, held = images[unit.seed][None], latents[unit.seed][None]
                hdf5.publish(root, RunRecord(key, (unit.seed,), seen, held, tuple(results.values()), about))
                if all(satisfied(result, request.budget) for result in results.values()):
                    break


def _prepare(denoiser: Denoiser, pairs: tuple[TokenPair | Probe, ...]) -> tuple[Conditions, Conditioning]:
    conditions = of_pairs(pairs, denoiser)
    return conditions, denoiser.encode(conditions.texts)


def _recorder(denoiser: Denoiser, conditions: Conditions) -> AttentionRecorder | None:
    """What records the attention to every word of the pairs, where the prompt is among the texts."""
    pairs = [pair for pair, _ in conditions.rows if isinstance(pair, TokenPair)]
    spans = sorted({span for pair in pairs for span in (pair.first, pair.second)})
    return denoiser.attention(pairs[0].prompt, spans) if pairs else None


def _result(evaluation: Evaluation, pair: TokenPair | Probe, identity: Identity, request: Request) -> PairResult:
    seen = [evaluation.attention[word] for word in pair.words if word in evaluation.attention]
    return PairResult(
        pair=pair,
        seeds=(identity.seed,),
        noises=(evaluation.noises,),
        information={
            mode: gather(evaluation, pair, mode) for mode in MODES if (pair, mode) in evaluation.conditions.rows
        },
        estimator=request.estimator,
        measure=request.measure,
        surprisals=request.surprisals,
        attention=np.stack(seen)[None] if len(seen) == 2 else None,
        retried=evaluation.retried,
        labels=request.labels.get(pair, ()),
        run_keys=(identity.key,),
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
