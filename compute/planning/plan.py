"""What a store lacks of a request, and what that costs."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from compute.estimation.noise_levels import NoiseLevels
from compute.planning.work import WorkItem, identities, owed
from store import hdf5
from store.jobs import Request
from store.prompts import densities
from store.prompts.conditions import Reader, of_pairs
from store.prompts.densities import InformationDensity
from store.records import PairResult, RunKey, RunRecord

SHIPPED = Path(__file__).with_name("densities")  # of models that ship, for a store that has learned nothing yet


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a run spends at most, known before it spends it: `images` are those that lack something."""

    pairs: int
    texts: int
    images: int
    noises: int
    evaluations: int


@dataclass(frozen=True)
class Plan:
    """What a store lacks of one request: the `items` of work, and their `cost`.

    `relabelled` holds results that are there under another measure or without a label that is asked for. Publishing
    them takes arithmetic and no evaluation; None if there are none.
    """

    key: RunKey
    cost: Cost
    items: tuple[WorkItem, ...]
    relabelled: RunRecord | None


def plan(reader: Reader, levels: NoiseLevels, request: Request, root: Path) -> Plan:
    """Return what the store `root` lacks of `request`, for the model that reads like `reader` at noise `levels`.

    Raises
    ------
    InputError: the model cannot read the prompt, or cannot tell its conditions apart.
    StoreError: what is there cannot be read.
    """
    conditions, key = of_pairs(request.pairs, reader), request.key(reader.name, reader.revision, reader.usual_guidance)
    path = hdf5.path_of(root, key)
    stored = _usable(hdf5.read(path), request) if path.exists() else None
    wanted = identities(key, conditions, levels)
    focus = _focus(levels, densities.load(root, key) or densities.read(SHIPPED / f"{reader.name}.json"))
    items = tuple(owed(stored, request, wanted, conditions, focus))
    cost = Cost(
        pairs=len(request.pairs),
        texts=len(conditions.texts),
        images=len({item.seed for item in items}),
        noises=request.budget.noises,
        evaluations=sum(item.evaluations for item in items),
    )
    return Plan(key, cost, items, _relabelled(stored, request) if stored else None)


def _focus(levels: NoiseLevels, known: InformationDensity | None) -> tuple[float, ...]:
    """The shares of information in the bands of `levels`, where they are known of these bands; else empty."""
    centres = levels.centres().tolist()
    same = known is not None and len(known.log_snr) == len(centres) and np.allclose(known.log_snr, centres, atol=1e-3)
    return known.shares if known and same else ()


def _usable(stored: RunRecord, request: Request) -> RunRecord:
    """`stored` without condensed pairs of another estimator or other surprisals: those cannot be derived from them."""
    wanted = request.estimator, request.surprisals
    return replace(
        stored,
        pairs=tuple(pair for pair in stored.pairs if not pair.condensed or (pair.estimator, pair.surprisals) == wanted),
    )


def _relabelled(stored: RunRecord, request: Request) -> RunRecord | None:
    """The stored pairs of `request` whose measure or labels differ from those asked for, with those asked for."""

    def as_asked(known: PairResult) -> PairResult:
        return replace(
            known,
            estimator=request.estimator,
            measure=request.measure,
            surprisals=request.surprisals,
            labels=tuple(dict.fromkeys((*known.labels, *request.labels.get(known.pair, ())))),
        )

    def shown_as(known: PairResult) -> tuple:
        return known.estimator, known.measure, known.surprisals, known.labels

    there = [known for known in stored.pairs if known.pair in request.pairs]
    other = tuple(as_asked(known) for known in there if shown_as(as_asked(known)) != shown_as(known))
    return replace(stored, pairs=other) if other else None
