"""The view of each page: what its address says of it. An empty text means: not chosen."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Self

from pages.address.fields import (
    ALL_LEVELS,
    BOTH_MODES,
    COMPARED,
    DEMO,
    FAILED,
    READ,
    SCALES,
    TABLES,
    choice,
    number,
    percent,
    rectangle,
    text,
)
from pages.figures.quantities import MAPS, UNITS
from store.pid.information import LEVELS
from store.pid.measures import DEFAULT, MEASURES

SELECTION = ("prompt", "pair", "run", "mode", "seed")  # from a model to an image, each within the one before


@dataclass(frozen=True, kw_only=True)
class View:
    """What every page shows of: the store, the model, the redundancy measure and the unit."""

    store: str = choice("", (DEMO,))  # empty for the store of the settings
    model: str = text()
    measure: str = choice(DEFAULT, MEASURES)
    unit: str = choice("nats", UNITS)

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> Self:
        """Return the view that an address names; what a field may not be falls back to its default."""
        read = {
            field.name: field.metadata[READ](parameters[field.name])
            for field in fields(cls)
            if field.name in parameters
        }
        return cls(**{name: value for name, value in read.items() if value is not None})

    @property
    def parameters(self) -> dict[str, str]:
        """What the address bar says of it: the fields that differ from their defaults."""
        return {
            field.name: str(getattr(self, field.name))
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }


@dataclass(frozen=True, kw_only=True)
class _Sorted:
    sort: str = text()  # an order of the page, empty for its own; with a dash before it, descending

    def order(self, known: Collection[str], usual: str) -> str:
        """Return the order asked for, if it is one of those `known`, else the `usual` one."""
        return self.sort if self.sort.removeprefix("-") in known else usual


@dataclass(frozen=True, kw_only=True)
class _Overlaid:
    opacity: int = percent(60)
    threshold: int = percent(0)  # of the colour scale, below which a map is not drawn
    band: str = number(ALL_LEVELS)  # of noise levels, from the noisiest


@dataclass(frozen=True, kw_only=True)
class OverviewView(_Sorted, View):
    """The list of all results."""

    filter: str = text()
    page: str = number()  # from 1


@dataclass(frozen=True, kw_only=True)
class BiasTableView(_Sorted, View):
    """A bias study as a table, and the images of one row."""

    revision: str = text()  # of the model, where there are several
    table: str = choice(TABLES[0], TABLES)
    guidance: str = text()  # of the images, empty for the study's own
    mode: str = text()
    level: str = choice("pixel", LEVELS)
    scale: str = choice(SCALES[1], SCALES)
    failed: str = choice(FAILED[0], FAILED)
    filter: str = text()
    page: str = number()
    subject: str = text()  # the row whose images are open
    seed: str = text()
    quantity: str = choice("redundancy", MAPS)
    opacity: int = percent(60)


@dataclass(frozen=True, kw_only=True)
class _SentenceView(_Overlaid, View):
    revision: str = text()  # of the model, where there are several
    study: str = text()
    guidance: str = text()
    mode: str = text()
    failed: str = choice(FAILED[0], FAILED)
    seed: str = text()
    prompt: str = text()
    pair: str = text()
    word: str = text()


@dataclass(frozen=True, kw_only=True)
class HomonymsView(_SentenceView):
    """The sentences of one homonym, its `word`, or of all."""


@dataclass(frozen=True, kw_only=True)
class SynonymsView(_SentenceView):
    """A pair of words beside a control word, and the study compared `by` a quantity."""

    by: str = text()


@dataclass(frozen=True, kw_only=True)
class InterventionView(_SentenceView):
    """A prompt whose `word` is removed or swapped, and a study's `predictor` held against what changed."""

    change: str = text()
    by: str = text()
    predictor: str = text()


@dataclass(frozen=True, kw_only=True)
class ExplorerView(_Overlaid, View):
    """One pair of words of one prompt. `run` tells files apart where guidance, revision or image differ."""

    prompt: str = text()
    pair: str = text()
    run: str = text()
    mode: str = text()
    seed: str = text()
    quantity: str = choice("redundancy", MAPS)
    level: str = choice("pixel", LEVELS)
    region: str = rectangle()
    maps: str = choice(BOTH_MODES[0], BOTH_MODES)


@dataclass(frozen=True, kw_only=True)
class CompareView(_Overlaid, View):
    """Two results of a study, or of one prompt, each of a run, a measure and a mode; and a prompt of both."""

    about: str = choice(COMPARED[0], COMPARED)
    study: str = text()
    prompt: str = text()
    pair: str = text()
    one: str = text()  # model, revision and guidance
    other: str = text()
    other_measure: str = text()
    mode: str = text()
    other_mode: str = text()
    subject: str = text()  # row or sentence whose images are shown
    attribute: str = text()
    seed: str = text()
    quantity: str = choice("", MAPS)
