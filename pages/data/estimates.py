"""What a new job would ask and cost, said before anything is spent: no model is loaded for it."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import streamlit as st

from pages.data.results import Listing, stamp
from store import settings, studies
from store.errors import InputError, StoreError
from store.jobs import ACTIVE, JobSpec, Picture, Queue, Request, State
from store.jobs.allocation import Allocation, allocate, spread_of
from store.jobs.choice import ModelChoice
from store.jobs.cost import JobCost, cost_of
from store.jobs.queue import too_long, too_many
from store.prompts import model_cards
from store.prompts.conditions import unseen
from store.prompts.model_cards import ModelCard

RECENT = 100  # jobs that are looked at for one of the same model
TOLD = 3  # reasons of one kind


@dataclass(frozen=True, kw_only=True)
class CostEstimate(JobCost):
    """What a job comes to, at most, and what is wrong with it: with `faults` it cannot be asked."""

    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def card_of(root: Path, model: str) -> ModelCard | None:
    """How `model` reads, if a worker loaded it for this store."""
    return model_cards.find((_card(*stamp(path)) for path in model_cards.paths(root)), model)


def studies_for(root: Path, model: str) -> list[str]:
    """The studies that can be asked of `model`: those made for it before those for any."""
    found = []
    for name in studies.names(root):
        try:
            found.append((studies.load(name, root).model, name))
        except InputError:  # the command line says what is wrong with it
            continue
    return [name for own, name in sorted(found, key=lambda one: not one[0]) if own in ("", model)]


def estimate(wanted: JobSpec, root: Path, picture: Picture | None = None) -> CostEstimate:
    """What `wanted`, about `picture` if it names one, would cost, and whether the model can tell the words apart."""
    cards = tuple(stamp(path) for path in model_cards.paths(root))
    listing = Listing(root)
    found = _estimate(
        wanted.as_json(), picture.digest if picture else "", str(root), cards, listing.at, listing, picture
    )
    return replace(found, faults=(*found.faults, *_limits(found.evaluations, root)))


def narrowest(wanted: JobSpec, root: Path) -> Allocation | None:
    """Return how the evaluations of a study are best spent, None where too little of it is in the store to know."""
    listing = Listing(root)
    return _narrowest(wanted.as_json(), str(root), listing.at, listing)


@st.cache_data(max_entries=100, show_spinner=False)
def _narrowest(wanted: str, root: str, at: object, _listing: Listing) -> Allocation | None:
    asked = JobSpec.parse(wanted)
    known = spread_of(_listing, asked.study, asked.model)
    try:
        return allocate(known, asked.requests(Path(root))) if known else None
    except InputError:  # the estimate says what is wrong
        return None


@st.cache_data(max_entries=100, show_spinner="Counting")
def _estimate(
    wanted: str, digest: str, root: str, cards: tuple, at: tuple, _listing: Listing, _picture: Picture | None
) -> CostEstimate:
    asked = JobSpec.parse(wanted)
    try:
        requests = asked.requests(Path(root), _picture)
    except InputError as error:
        return CostEstimate(faults=(str(error),))
    card = card_of(Path(root), asked.model)
    cost = cost_of(requests, asked.model, _listing, card)
    failed = list(cost.unreadable)
    all_failed = len(failed) == len(requests)
    return CostEstimate(
        **{field.name: getattr(cost, field.name) for field in fields(cost)},
        faults=tuple(failed[:TOLD]) if all_failed else (),
        warnings=tuple(_warnings(requests, card, [] if all_failed else failed)),
    )


def of_model(choice: ModelChoice, found: CostEstimate, root: Path) -> CostEstimate:
    """`found` with what is wrong with the model itself, and why its last job failed if that failed before any image."""
    try:
        last = next((job for job in Queue(root).jobs(limit=RECENT) if job.wanted.model == str(choice)), None)
    except StoreError:  # said among the faults
        last = None
    failed = last is not None and last.state == State.FAILED and not last.progress.done
    said = [f"Job {last.number} of this model failed: {last.reason}"] if last and failed else []
    faults, warnings = (*choice.faults, *found.faults), (*choice.doubts, *said, *found.warnings)
    return replace(found, faults=faults, warnings=warnings)


def _limits(evaluations: int, root: Path) -> Iterator[str]:
    """What the settings do not allow."""
    allowed = settings.load()
    if evaluations > allowed.max_evaluations:
        yield str(too_long(evaluations, allowed))
    try:
        count = len(Queue(root).jobs(ACTIVE, allowed.max_jobs))
    except StoreError as error:
        yield str(error)
        return
    if count >= allowed.max_jobs:
        yield str(too_many(allowed))


def _warnings(requests: list[Request], card: ModelCard | None, failed: list[str]) -> Iterator[str]:
    if card is None:
        yield "How this model reads is not known here yet: a worker checks the words once it has loaded it."
        return
    yield from card.notes
    if failed:
        yield f"{len(failed)} of {len(requests)} prompts cannot be measured: {'; '.join(failed[:TOLD])}"
    if strange := unseen(" ".join(word for request in requests for word in request.words), card):
        words = ", ".join(strange[:10]) + (" and others" if len(strange) > 10 else "")
        yield f"This model was never trained with {words}: what it makes of them is chance."


@st.cache_resource(max_entries=16, show_spinner=False)
def _card(path: str, modified: int, size: int) -> ModelCard | None:
    return model_cards.load(Path(path))
