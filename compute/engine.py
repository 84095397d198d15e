"""From a request to published records: one prompt, some pairs of words, several images."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import diffusers
import numpy as np
import torch

from compute.estimation import images
from compute.estimation.batching import BatchedDenoiser
from compute.estimation.evaluate import Evaluation, evaluate
from compute.estimation.information import gather
from compute.estimation.noise_levels import NoiseLevels
from compute.estimation.tuning import Tuning, Workload, tune
from compute.models.attention import AttentionRecorder
from compute.models.denoiser import Conditioning, Denoiser
from compute.planning.plan import Plan, plan
from compute.planning.work import STEPS, WorkItem, satisfied
from compute.publishing import Publisher
from store import hdf5
from store.identity import Identity
from store.jobs import Request
from store.prompts.conditions import Conditions, of_pairs
from store.records import MODES, PairResult, Probe, Provenance, RunKey, RunRecord, TokenPair

KEPT = 8  # prompts whose texts and tuning are kept while items of several jobs take turns


@dataclass(frozen=True)
class EvaluationProgress:
    """How many denoiser evaluations are `done` of `total`, and what is being measured."""

    done: int
    total: int
    doing: str


Report = Callable[[EvaluationProgress], None]


class Engine:
    """One model in this process: it measures work items, and keeps what it learnt of their prompts.

    `cache` is the folder where the fastest batch and precision are remembered; without it neither is looked for.
    """

    def __init__(self, denoiser: Denoiser, cache: Path | None = None):
        self.denoiser, self.levels, self.cache = denoiser, NoiseLevels.of(denoiser.log_snr), cache
        self._prepared = lru_cache(KEPT)(self._prepare)
        self._tunings: dict[RunKey, Tuning] = {}

    def plan(self, request: Request, root: Path) -> Plan:
        """Return what the store `root` lacks of `request`; raises as `compute.planning.plan` does."""
        return plan(self.denoiser, self.levels, request, root)

    def run(self, planned: Plan, root: Path, report: Report = lambda _: None) -> RunRecord:
        """Do what is `planned`, publish it into the store `root`, and return all that is there of the prompt.

        Another measure takes no evaluation. Every image is published as it is done, beside the evaluation of the next,
        so that an interrupted run keeps it.

        Raises
        ------
        InputError: the model returned values that are not finite, or nothing fits into memory.
        StoreError: the store cannot be written.
        """
        if planned.relabelled:
            hdf5.publish(root, planned.relabelled)
        spent = 0
        with Publisher(root) as publisher:
            for number, item in enumerate(planned.items, 1):
                doing = f"image {number} of {len(planned.items)}"

                def tell(done: int, before: int = spent, doing: str = doing) -> None:
                    publisher.check()
                    report(EvaluationProgress(before + done, planned.cost.evaluations, doing))

                for record in self.measure(item, tell):
                    publisher.publish(record)
                publisher.learn(record)
                spent += item.evaluations
        return hdf5.read(hdf5.path_of(root, planned.key))

    def measure(self, item: WorkItem, report: Callable[[int], None] = lambda _: None) -> Iterator[RunRecord]:
        """Measure the image of `item`; yields, after each round of noises, all that is known of its pairs.

        `report` is told how many evaluations are done, batch by batch; what it raises ends the measurement.

        Raises
        ------
        InputError: the model returned values that are not finite, or nothing fits into memory.
        """
        report(0)
        request, latent = item.request, self._latent(item)
        tensor = images.as_tensor(latent)
        image = self.denoiser.decode(tensor[None])
        conditions, encoded = self._prepared(item.pairs)
        levels = self.levels.focused(item.focus) if item.focus else self.levels
        tuning = self._tuned(
            item,
            Workload(
                levels=levels, latent=tensor, conditions=conditions, encoded=encoded, noises=request.budget.noises
            ),
        )
        self.denoiser.lay_out(tuning.channels_last)
        batched, recorder = BatchedDenoiser(self.denoiser, tuning.batch), self._recorder(conditions)
        about, results, done, spent = _provenance(item, tuning, self.denoiser.notes), dict(item.known), item.done, 0
        with recorder or nullcontext(), self.denoiser.computing_in(tuning.dtype):
            for noises in request.budget.rounds(item.done):

                def tell(fresh: int, before: int = spent) -> None:
                    report(before + fresh * len(conditions.texts))

                evaluation = evaluate(
                    batched,
                    levels,
                    tensor,
                    conditions,
                    encoded,
                    noises=noises,
                    seed=item.seed,
                    done=done,
                    recorder=recorder,
                    report=tell,
                )
                done += noises
                spent += noises * len(conditions.texts)
                for pair, identity in item.identities.items():
                    fresh = _result(evaluation, pair, identity.of(item.seed, done), request)
                    results[pair] = results[pair].refined(fresh) if pair in results else fresh
                yield RunRecord(
                    key=item.key,
                    seeds=(item.seed,),
                    images=image,
                    latents=latent[None],
                    pairs=tuple(results.values()),
                    provenance=about,
                )
                if all(satisfied(result, request.budget) for result in results.values()):
                    return

    def _latent(self, item: WorkItem) -> np.ndarray:
        if item.latent is not None:
            return item.latent
        if item.request.picture:
            return images.encode(self.denoiser, item.request.picture)
        return images.generate(self.denoiser, item.key.prompt, item.seed, item.key.guidance, STEPS)

    def _prepare(self, pairs: tuple[TokenPair | Probe, ...]) -> tuple[Conditions, Conditioning]:
        conditions = of_pairs(pairs, self.denoiser)
        return conditions, self.denoiser.encode(conditions.texts)

    def _tuned(self, item: WorkItem, workload: Workload) -> Tuning:
        """The fastest way to do `workload` that can be trusted, found out once a prompt."""
        if self.cache is None:
            return Tuning(self.denoiser.computes)
        if item.key not in self._tunings:
            self._tunings[item.key] = tune(self.denoiser, workload, len(item.request.images), self.cache)
            for old in list(self._tunings)[:-KEPT]:
                del self._tunings[old]
        return self._tunings[item.key]

    def _recorder(self, conditions: Conditions) -> AttentionRecorder | None:
        """What records the attention to every word of the pairs, where the prompt is among the texts."""
        pairs = [pair for pair, _ in conditions.rows if isinstance(pair, TokenPair)]
        spans = sorted({span for pair in pairs for span in (pair.first, pair.second)})
        return self.denoiser.attention(pairs[0].prompt, spans) if pairs else None


def _result(evaluation: Evaluation, pair: TokenPair | Probe, identity: Identity, request: Request) -> PairResult:
    seen = {
        kind: np.stack([maps[word] for word in pair.words])[None]
        for kind, maps in evaluation.attention.items()
        if maps.keys() >= set(pair.words)
    }
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
        baselines=seen,
        retried=evaluation.retried,
        labels=request.labels.get(pair, ()),
        run_keys=(identity.key,),
    )


def _provenance(item: WorkItem, tuning: Tuning, notes: Sequence[str]) -> Provenance:
    budget, picture = item.request.budget, item.request.picture
    return Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"{hdf5.SOFTWARE}, torch {torch.__version__}, diffusers {diffusers.__version__}",
        settings={
            "steps": STEPS,
            "noises": budget.noises,
            "target": budget.target,
            "dtype": str(tuning.dtype).removeprefix("torch."),
            "image": picture.name if picture else "",
            "focus": " ".join(f"{share:.4g}" for share in item.focus),
        }
        | ({"notes": list(notes)} if notes else {}),
    )
