"""What of a job a store lacks, and what that costs at most: it opens no file and loads no model."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from store.catalogue import Catalogue, Filter
from store.errors import InputError
from store.jobs.request import Request
from store.prompts.conditions import count_texts, of_pairs
from store.prompts.model_cards import UNGUIDED, ModelCard
from store.records import MODES, Probe, TokenPair

Pair = TokenPair | Probe
Stored = Mapping[tuple[str, float, str, str], list["_Measured"]]  # prompt, guidance, image and pair of a result


@dataclass(frozen=True, kw_only=True)
class JobCost:
    """What a job comes to at most."""

    prompts: int = 0  # of which something is to be computed
    texts: int = 0
    images: int = 0  # all that are asked about
    there: int = 0  # of them in the store, with enough noises
    fewer: int = 0  # of them in the store, with `fewer_noises` and so to be computed
    fewer_noises: int = 0
    noises: int = 0
    evaluations: int = 0
    results: int = 0  # pairs and images to be computed
    unreadable: tuple[str, ...] = ()  # of each prompt that the model cannot read, why: it costs nothing


def cost_of(requests: Sequence[Request], model: str, catalogue: Catalogue, card: ModelCard | None) -> JobCost:
    """Return what `requests` to `model` cost at most, beside what there is of them in the store of `catalogue`.

    `card` says how the model reads, its usual guidance and its revision; without it results of any revision count.
    The catalogue knows the fewest noises of the images of a pair: where they are fewer than asked for, all count.
    """
    stored = _stored(requests, card.name if card else model, card.revision if card else "", catalogue)
    prompts = texts = there = fewer = fewer_noises = evaluations = results = 0
    unreadable = []
    for request in requests:
        noises = _noises_there(request, card.usual_guidance if card else UNGUIDED, stored)
        lacking = [tuple(pair for pair in found if found[pair] < request.budget.noises) for found in noises]
        alike = Counter(filter(None, lacking))
        there += len(lacking) - alike.total()
        short = [min(found.values()) for found, pairs in zip(noises, lacking, strict=True) if pairs]
        fewer, fewer_noises = fewer + sum(map(bool, short)), max(fewer_noises, *short, 0)
        wanted = tuple(dict.fromkeys(pair for pairs in alike for pair in pairs))
        if not wanted:
            continue
        if card:
            try:
                of_pairs(wanted, card)
            except InputError as error:
                unreadable.append(str(error))
                continue
        prompts, texts = prompts + 1, texts + count_texts(wanted)
        evaluations += sum(count_texts(pairs) * count for pairs, count in alike.items()) * request.budget.noises
        results += sum(len(pairs) * count for pairs, count in alike.items())
    return JobCost(
        prompts=prompts,
        texts=texts,
        images=sum(len(request.images) for request in requests),
        there=there,
        fewer=fewer,
        fewer_noises=fewer_noises,
        noises=requests[0].budget.noises,
        evaluations=evaluations,
        results=results,
        unreadable=tuple(unreadable),
    )


class _Measured(NamedTuple):
    """Of which images a pair was measured, each with at least so many noises."""

    noises: int
    seeds: frozenset[int]


def _stored(requests: Sequence[Request], model: str, revision: str, catalogue: Catalogue) -> Stored:
    """Return what the store has of the pairs of `requests`."""
    studies = {label.study for request in requests for labels in request.labels.values() for label in labels}
    wanted = [Filter(model=model, study=name, mode=MODES[0]) for name in sorted(studies)]
    wanted = wanted or [Filter(model=model, prompt=request.prompt, mode=MODES[0]) for request in requests]
    found: dict[tuple[str, float, str, str], list[_Measured]] = {}
    for each in wanted:
        for entry, seeds in catalogue.seeds(each):
            if revision in ("", entry.key.revision):
                key = entry.key.prompt, entry.key.guidance, entry.key.image, entry.pair.casefold()
                found.setdefault(key, []).append(_Measured(entry.noises, seeds))
    return found


def _noises_there(request: Request, usual: float, stored: Stored) -> list[dict[Pair, int]]:
    """Return with how many noises, at least, the pairs of `request` were measured of each of its images."""
    key = request.key("", "", usual)
    found = {
        pair: stored.get((key.prompt, key.guidance, key.image, pair.name.casefold()), []) for pair in request.pairs
    }
    return [
        {pair: max((one.noises for one in found[pair] if seed in one.seeds), default=0) for pair in request.pairs}
        for seed in request.images
    ]
