"""What a new job would ask and cost, said before anything is spent: no model is loaded for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from pages.data.results import Listing, stamp
from store import settings, studies
from store.catalogue import Filter
from store.errors import InputError, StoreError
from store.jobs import ACTIVE, JobSpec, Queue, Request
from store.prompts import model_cards
from store.prompts.conditions import count_texts, of_pairs, unseen
from store.prompts.model_cards import ModelCard
from store.records import MODES
from store.studies.expansion import WordPair

TOLD = 3  # reasons of one kind
EVERY = 10_000  # entries of a study
Stored = dict[tuple[str, float, str], tuple[int, int]]  # prompt, guidance, pair -> noises, images


@dataclass(frozen=True)
class CostEstimate:
    """What a job comes to, at most, and what is wrong with it: with `faults` it cannot be asked."""

    prompts: int = 0  # of which something is to be computed
    texts: int = 0
    images: int = 0  # all that are asked about
    there: int = 0  # of them in the store, with enough noises
    fewer: int = 0  # of them in the store, with `fewer_noises` and so to be computed
    fewer_noises: int = 0
    noises: int = 0
    evaluations: int = 0
    results: int = 0  # pairs and images to be computed
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
    listing = Listing(root)
    found = _estimate(wanted.as_json(), str(root), cards, listing.at, listing)
    return replace(found, faults=(*found.faults, *_limits(found.evaluations, root)))


@st.cache_data(max_entries=100, show_spinner="Counting")
def _estimate(wanted: str, root: str, cards: tuple, at: tuple, _listing: Listing) -> CostEstimate:
    asked = JobSpec.parse(wanted)
    try:
        requests = asked.requests(Path(root))
    except InputError as error:
        return CostEstimate(faults=(str(error),))
    card = card_of(Path(root), asked.model)
    stored = _stored(requests, asked.model, _listing) if not asked.picture else {}
    texts, evaluations, results, prompts, failed = 0, 0, 0, 0, []
    there, fewer = 0, []
    for request in requests:
        lacking, short = _lacking(request, stored)
        missing = max((count for _, count in lacking), default=0)
        there += len(request.images) - missing
        fewer += [short] if short else []
        if not lacking:
            continue
        try:
            pairs = tuple(pair for pair, _ in lacking)
            count = len(of_pairs(pairs, card).texts) if card else count_texts(pairs)
        except InputError as error:
            failed.append(str(error))
            continue
        prompts, texts = prompts + 1, texts + count
        evaluations += count * request.budget.noises * missing
        results += sum(number for _, number in lacking)
    all_failed = len(failed) == len(requests)
    return CostEstimate(
        prompts=prompts,
        texts=texts,
        images=sum(len(request.images) for request in requests),
        there=there,
        fewer=sum(count for count, _ in fewer),
        fewer_noises=max((noises for _, noises in fewer), default=0),
        noises=requests[0].budget.noises,
        evaluations=evaluations,
        results=results,
        faults=tuple(failed[:TOLD]) if all_failed else (),
        warnings=tuple(_warnings(requests, card, [] if all_failed else failed)),
    )


def _stored(requests: Sequence[Request], model: str, listing: Listing) -> Stored:
    """Return what the store has of the pairs of `requests`."""
    studies_asked = {label.study for request in requests for labels in request.labels.values() for label in labels}
    wanted = [Filter(model=model, study=name, mode=MODES[0]) for name in sorted(studies_asked)]
    wanted = wanted or [Filter(model=model, prompt=request.prompt, mode=MODES[0]) for request in requests]
    found: Stored = {}
    for each in wanted:
        for entry in listing.page(each, limit=EVERY):
            if not entry.key.image:
                key = entry.key.prompt, entry.key.guidance, entry.pair.casefold()
                found[key] = max(found.get(key, (0, 0)), (entry.noises, entry.seeds))
    return found


def _lacking(request: Request, stored: Stored) -> tuple[list[tuple[WordPair, int]], tuple[int, int] | None]:
    """Return the pairs of which images are to be computed, with how many; and how many images have fewer noises.

    The catalogue counts images and knows their fewest noises: of an image with fewer than asked for all is computed.
    """
    asked, lacking, short = len(request.images), [], None
    for pair in request.pairs:
        noises, images = stored.get((request.prompt, request.guidance, pair.name.casefold()), (0, 0))
        if noises >= request.budget.noises:
            images = min(images, asked)
        else:
            short = (min(images, asked), noises) if images else short
            images = 0
        if images < asked:
            lacking.append((pair, asked - images))
    return lacking, short


def _limits(evaluations: int, root: Path) -> Iterator[str]:
    """What the settings do not allow."""
    allowed = settings.load()
    if evaluations > allowed.max_evaluations:
        yield (
            f"{evaluations:,} evaluations are more than the {allowed.max_evaluations:,} that a job from here may cost "
            "(setting max_evaluations); ask for less, or use python -m compute submit"
        )
    try:
        count = len(Queue(root).jobs(ACTIVE, allowed.max_jobs))
    except StoreError as error:
        yield str(error)
        return
    if count >= allowed.max_jobs:
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
