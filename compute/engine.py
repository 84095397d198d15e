"""From what is asked to published records: one prompt, some pairs of words, several images."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import diffusers
import numpy as np
import torch

from compute.estimation import images
from compute.estimation.batching import Forward
from compute.estimation.evaluate import Evaluation, evaluate
from compute.estimation.information import gather
from compute.estimation.noise_levels import NoiseLevels
from compute.estimation.tuning import Tuning, Work, tune
from compute.models.attention import AttentionRecorder
from compute.models.denoiser import Conditioning, Denoiser
from compute.planning.plan import Cost, plan
from compute.planning.request import Request
from compute.planning.work import Unit, satisfied
from store import hdf5
from store.identity import Identity
from store.prompts.conditions import Conditions, of_pairs
from store.records import MODES, PairResult, Probe, Provenance, RunKey, RunRecord, TokenPair

KEPT = 8  # prompts whose texts and tuning are kept while units of several jobs take turns


@dataclass(frozen=True)
class Progress:
    """How much is done of what, in denoiser evaluations."""

    done: int
    total: int
    doing: str


class Engine:
    """One model in this process: it measures unit after unit, and keeps what it learnt of their prompts."""

    def __init__(self, denoiser: Denoiser):
        self.denoiser, self.levels = denoiser, NoiseLevels.of(denoiser.log_snr)
        self._prepared = lru_cache(KEPT)(self._prepare)
        self._tunings: dict[tuple[RunKey, Path], Tuning] = {}

    def measure(self, unit: Unit, request: Request) -> Iterator[int | RunRecord]:
        """Measure the image of `unit`; yields evaluations done so far and, after each round of noises, all that is
        known of its pairs, to be published.

        Raises
        ------
        InputError: the model returned values that are not finite, or nothing fits into memory.
        """
        yield 0
        latent = self._latent(unit, request)
        tensor = images.as_tensor(latent)
        image = self.denoiser.decode(tensor[None])
        conditions, encoded = self._prepared(unit.pairs)
        work = Work(self.levels, tensor, conditions, encoded, request.budget.noises, len(request.images))
        tuning = self._tuned(work, unit.key, request)
        forward, recorder = Forward(self.denoiser, tuning.batch), self._recorder(conditions)
        about, results, done, spent = _about(request, tuning), dict(unit.known), unit.done, 0
        with recorder or nullcontext(), self.denoiser.computing_in(tuning.dtype):
            for noises in request.budget.rounds(unit.done):
                for step in evaluate(
                    forward, self.levels, tensor, conditions, encoded, noises, unit.seed, recorder, done
                ):
                    if isinstance(step, int):
                        yield spent + step * len(conditions.texts)
                        continue
                    done += noises
                    for pair, identity in unit.identities.items():
                        fresh = _result(step, pair, identity.of(unit.seed, done), request)
                        results[pair] = results[pair].refined(fresh) if pair in results else fresh
                spent += noises * len(conditions.texts)
                yield RunRecord(
                    key=unit.key,
                    seeds=(unit.seed,),
                    images=image,
                    latents=latent[None],
                    pairs=tuple(results.values()),
                    provenance=about,
                )
                if all(satisfied(result, request.budget) for result in results.values()):
                    return

    def _latent(self, unit: Unit, request: Request) -> np.ndarray:
        if unit.latent is not None:
            return unit.latent
        if request.picture:
            return images.encode(self.denoiser, request.picture)
        return images.generate(self.denoiser, unit.key.prompt, unit.seed, unit.key.guidance)

    def _prepare(self, pairs: tuple[TokenPair | Probe, ...]) -> tuple[Conditions, Conditioning]:
        conditions = of_pairs(pairs, self.denoiser)
        return conditions, self.denoiser.encode(conditions.texts)

    def _tuned(self, work: Work, key: RunKey, request: Request) -> Tuning:
        """The fastest way to do `work` that can be trusted, found out once a prompt."""
        if request.cache is None:
            return Tuning(self.denoiser.computes)
        place = key, request.cache
        if place not in self._tunings:
            self._tunings[place] = tune(self.denoiser, work, request.cache)
            for old in list(self._tunings)[:-KEPT]:
                del self._tunings[old]
        return self._tunings[place]

    def _recorder(self, conditions: Conditions) -> AttentionRecorder | None:
        """What records the attention to every word of the pairs, where the prompt is among the texts."""
        pairs = [pair for pair, _ in conditions.rows if isinstance(pair, TokenPair)]
        spans = sorted({span for pair in pairs for span in (pair.first, pair.second)})
        return self.denoiser.attention(pairs[0].prompt, spans) if pairs else None


def run(engine: Engine, request: Request, root: Path) -> Iterator[Cost | Progress | RunRecord]:
    """Do what `request` asks, publishing into the store `root`; yields cost, progress, at the end the record.

    What the store already has is not computed again, what has fewer noises than asked for gets the rest, and another
    measure takes no evaluation. Every image is published as it is done, so that an interrupted run keeps it.

    Raises
    ------
    InputError: what is asked cannot be computed, or the model returned values that are not finite.
    StoreError: what is there cannot be read, or the store cannot be written.
    """
    asked = plan(engine.denoiser, engine.levels, request, root)
    yield asked.cost
    if asked.shown:
        hdf5.publish(root, asked.shown)
    spent = 0
    for number, unit in enumerate(asked.units, 1):
        for step in engine.measure(unit, request):
            if isinstance(step, RunRecord):
                hdf5.publish(root, step)
            else:
                yield Progress(spent + step, asked.cost.evaluations, f"image {number} of {len(asked.units)}")
        spent += unit.evaluations
    yield hdf5.read(hdf5.path_of(root, asked.key))


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


def _about(request: Request, tuning: Tuning) -> Provenance:
    return Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"{hdf5.SOFTWARE}, torch {torch.__version__}, diffusers {diffusers.__version__}",
        settings={
            "steps": images.STEPS,
            "noises": request.budget.noises,
            "target": request.budget.target,
            "dtype": str(tuning.dtype).removeprefix("torch."),
            "image": request.picture.name if request.picture else "",
        },
    )
