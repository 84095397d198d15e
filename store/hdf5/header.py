"""What files and pairs say of themselves, apart from their arrays: read and checked here alone."""

import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from types import ModuleType

import h5py

from store.hdf5.access import flag, integer, number, numbers, text, texts, values
from store.hdf5.bounds import Refused, member
from store.hdf5.layouts import condensed, full
from store.hdf5.layouts.totals import ImageColumns, TotalsLayout
from store.hdf5.names import group_name, old_group_name
from store.hdf5.rules import DOCUMENT, PROMPT, check_date, check_key, check_labels, check_seeds, check_settings
from store.pid import measures
from store.pid.measures import ESTIMATORS, MEASURES, Surprisals
from store.records import MODES, Label, Probe, Provenance, RunKey, Span, TokenPair

PAIRS = 10_000  # most pairs of a file


@dataclass(frozen=True)
class PairHeader:
    """What a pair says of itself: its words, its images, and how its totals are stored. `form` reads its arrays."""

    pair: TokenPair | Probe
    columns: ImageColumns
    layout: TotalsLayout
    labels: tuple[Label, ...]
    retried: int
    form: ModuleType  # `full` or `condensed`


def read_key(root: h5py.Group) -> RunKey:
    """Return the key of `root`: what decides its images."""
    model, revision, image = (text(root, name) for name in ("model", "model_revision", "image"))
    return check_key(
        RunKey(
            model=model,
            revision=revision,
            prompt=text(root, "prompt", PROMPT),
            guidance=number(root, "guidance"),
            image=image,
        )
    )


def read_seeds(root: h5py.Group) -> tuple[int, ...]:
    """Return the seeds of the images in `root`."""
    return check_seeds(tuple(map(int, values(root, "seeds", "iu", None))))


def read_provenance(root: h5py.Group) -> Provenance:
    """Return when, with what software and under what settings `root` was written."""
    settings = check_settings(json.loads(text(root, "settings", DOCUMENT)))
    return Provenance(check_date(text(root, "created")), text(root, "software"), settings)


def read_pair_header(prompt: str, seeds: Collection[int], group: h5py.Group) -> PairHeader:
    """Return what `group`, a pair of a file with this `prompt` and these `seeds`, says of itself.

    Raises one of `access.UNREADABLE`.
    """
    form = condensed if flag(group, "condensed") else full
    pair = _read_words(prompt, group)
    name = group.name.rsplit("/", 1)[-1]
    if name not in (group_name(pair.words), old_group_name(pair.words)):
        raise Refused("its name is not that of its words")
    columns = form.read_columns(group)
    check_seeds(columns.seeds)
    if not set(columns.seeds) <= set(seeds):
        raise Refused("images that are not in the file")
    return PairHeader(
        pair=pair,
        columns=columns,
        layout=_read_layout(group),
        labels=_read_labels(group),
        retried=integer(group, "retried") if "retried" in group.attrs else 0,
        form=form,
    )


def modes_of(pair: h5py.Group) -> dict[str, h5py.Group]:
    """Return the groups of the modes in which `pair` was measured: one at least, and of a probe only `pid`."""
    found = {mode: member(pair, mode, h5py.Group) for mode in MODES if mode in pair}
    if not found:
        raise Refused("it was measured in no mode")
    if "spans" not in pair.attrs and set(found) != set(MODES[:1]):
        raise Refused("a probe has no context to be measured in")
    return found


def _read_words(prompt: str, group: h5py.Group) -> TokenPair | Probe:
    words = text(group, "first", PROMPT), text(group, "second", PROMPT)
    if "spans" not in group.attrs:
        return Probe(prompt, words)
    first, second = (Span(*map(int, span)) for span in numbers(group, "spans", "iu", 2, 2))
    pair = TokenPair(prompt, first, second)
    if pair.words != words:
        raise Refused("its words do not stand in the prompt where it says")
    return pair


def _read_labels(group: h5py.Group) -> tuple[Label, ...]:
    found = json.loads(text(group, "labels", DOCUMENT)) if "labels" in group.attrs else []
    if not isinstance(found, list) or any(
        not isinstance(each, list) or len(each) != len(Label._fields) or not all(isinstance(part, str) for part in each)
        for each in found
    ):
        raise Refused("labels are no list of study, attribute and subject")
    return check_labels(Label(*each) for each in found)


def _read_layout(pair: h5py.Group) -> TotalsLayout:
    measure, estimator, surprisals = text(pair, "measure"), text(pair, "estimator"), _read_surprisals(pair)
    if estimator not in ESTIMATORS:
        raise Refused(f"estimator {estimator!r} is not known")
    offered = texts(pair, "measures") if "measures" in pair.attrs else (measure,)
    if len(set(offered)) != len(offered) or not set(offered) <= MEASURES.keys():
        raise Refused(f"measures {', '.join(offered)} are not known, or one stands there twice")
    for name in (measure, *offered):
        measures.find(name, estimator, surprisals)
    return TotalsLayout(measure, estimator, surprisals, offered)


def _read_surprisals(pair: h5py.Group) -> Surprisals | None:
    if "surprisals" not in pair.attrs:
        return None
    first, second = map(float, numbers(pair, "surprisals", "f", 2))
    if not (0 <= first < math.inf and 0 <= second < math.inf):
        raise Refused(f"surprisals {first} and {second} are no numbers from 0 up")
    return first, second
