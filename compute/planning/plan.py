"""What of a request is still to be done: its cost, and the units that a store lacks."""

from dataclasses import dataclass, replace
from pathlib import Path

from compute.estimation.noise_levels import NoiseLevels
from compute.planning.request import Request
from compute.planning.work import Unit, identities, owed
from store import hdf5
from store.prompts.conditions import Reader, of_pairs
from store.records import PairResult, RunKey, RunRecord


@dataclass(frozen=True)
class Cost:
    """What a run is about to spend, at most, before it spends it."""

    pairs: int
    texts: int
    images: int
    noises: int
    evaluations: int


@dataclass(frozen=True)
class Plan:
    """The units of one prompt that are owed, and what there is already but has to be shown differently."""

    key: RunKey
    cost: Cost
    units: tuple[Unit, ...]
    shown: RunRecord | None  # to be published: arithmetic, no evaluation


def plan(reader: Reader, levels: NoiseLevels, request: Request, root: Path) -> Plan:
    """What the store `root` lacks of `request`, asked of the model that reads like `reader` at `levels` of noise.

    Raises
    ------
    InputError: what is asked cannot be computed. StoreError: what is there cannot be read, or the store not written.
    """
    request.check(root)
    conditions, key = of_pairs(request.pairs, reader), request.key(reader.name, reader.revision)
    path = hdf5.path_of(root, key)
    stored = _usable(hdf5.read(path), request) if path.exists() else None
    wanted = identities(key, conditions, levels)
    units = tuple(owed(stored, wanted, conditions, request.images, request.budget))
    cost = Cost(
        len(request.pairs),
        len(conditions.texts),
        len({unit.seed for unit in units}),
        request.budget.noises,
        sum(unit.evaluations for unit in units),
    )
    return Plan(key, cost, units, _shown(stored, request) if stored else None)


def _usable(stored: RunRecord, request: Request) -> RunRecord:
    """What is there without condensed pairs that do not state what is asked for: they cannot derive it."""
    asked = request.estimator, request.surprisals
    return replace(
        stored,
        pairs=tuple(pair for pair in stored.pairs if not pair.condensed or (pair.estimator, pair.surprisals) == asked),
    )


def _shown(stored: RunRecord, request: Request) -> RunRecord | None:
    """What is there of the pairs under the measure and labels asked for, where it is not shown so yet."""

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
    return replace(stored, pairs=other) if other else None
