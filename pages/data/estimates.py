"""What a new job would ask and cost, said before anything is spent: no model is loaded for it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from pages.data.results import stamp
from store import settings, studies
from store.errors import InputError
from store.jobs import ACTIVE, JobSpec, Queue, Request
from store.prompts import model_cards
from store.prompts.conditions import count_texts, of_pairs, unseen
from store.prompts.model_cards import ModelCard

TOLD = 3  # reasons of one kind


@dataclass(frozen=True)
class CostEstimate:
    """What a job comes to, at most, and what is wrong with it: with `faults` it cannot be asked."""

    prompts: int = 0
    texts: int = 0
    images: int = 0
    noises: int = 0
    evaluations: int = 0
    results: int = 0  # pairs and images
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def card_of(root: Path, model: str) -> ModelCard | None:
    """How `model` reads, if a worker loaded it for this store."""
    cards = [_card(*stamp(path)) for path in model_cards.paths(root)]
    return next((card for card in cards if card and model in (card.name, card.source)), None)


def studies_for(root: Path, model: str) -> list[str]:
    """The studies that can be asked of `model`: those made for it before those for any."""
    found = []
    for name in studies.names(root):
        try:
            found.append((studies.load(name, root).model, name))
        except InputError:  # the command line says what is wrong with it
            continue
    return [name for own, name in sorted(found, key=lambda one: not one[0]) if own in ("", model)]


def estimate(wanted: JobSpec, root: Path) -> CostEstimate:
    """What `wanted` would cost, and whether the words can be told apart by the model."""
    cards = tuple(stamp(path) for path in model_cards.paths(root))
    found = _estimate(wanted.as_json(), str(root), cards)
    return replace(found, faults=(*found.faults, *_limits(found.evaluations, root)))


@st.cache_data(max_entries=100, show_spinner="Counting")
def _estimate(wanted: str, root: str, cards: tuple) -> CostEstimate:
    asked = JobSpec.parse(wanted)
    try:
        requests = asked.requests(Path(root))
    except InputError as error:
        return CostEstimate(faults=(str(error),))
    card = card_of(Path(root), asked.model)
    texts, evaluations, failed = 0, 0, []
    for request in requests:
        try:
            count = len(of_pairs(request.pairs, card).texts) if card else count_texts(request.pairs)
        except InputError as error:
            failed.append(str(error))
            continue
        texts += count
        evaluations += count * request.budget.noises * len(request.images)
    all_failed = len(failed) == len(requests)
    return CostEstimate(
        prompts=len(requests),
        texts=texts,
        images=sum(len(request.images) for request in requests),
        noises=requests[0].budget.noises,
        evaluations=evaluations,
        results=sum(len(request.pairs) * len(request.images) for request in requests),
        faults=tuple(failed[:TOLD]) if all_failed else (),
        warnings=tuple(_warnings(requests, card, [] if all_failed else failed)),
    )


def _limits(evaluations: int, root: Path) -> Iterator[str]:
    """What the settings do not allow."""
    allowed = settings.load()
    if evaluations > allowed.max_evaluations:
        yield (
            f"{evaluations:,} evaluations are more than the {allowed.max_evaluations:,} that a job from here may cost "
            "(setting max_evaluations); ask for less, or use python -m compute submit"
        )
    if len(Queue(root).jobs(ACTIVE, allowed.max_jobs)) >= allowed.max_jobs:
        yield f"{allowed.max_jobs} jobs wait or run already (setting max_jobs); wait for some, or cancel them"


def _warnings(requests: list[Request], card: ModelCard | None, failed: list[str]) -> Iterator[str]:
    if card is None:
        yield "How this model reads is not known here yet: a worker checks the words once it has loaded it."
        return
    if failed:
        yield f"{len(failed)} of {len(requests)} prompts cannot be measured: {'; '.join(failed[:TOLD])}"
    if strange := unseen(" ".join(word for request in requests for word in request.words), card):
        words = ", ".join(strange[:10]) + (" and others" if len(strange) > 10 else "")
        yield f"This model was never trained with {words}: what it makes of them is chance."


@st.cache_resource(max_entries=16, show_spinner=False)
def _card(path: str, modified: int, size: int) -> ModelCard | None:
    return model_cards.load(Path(path))
