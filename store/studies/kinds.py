"""The kinds of studies by name. A kind is one entry here, and its tables one entry in `store.tables.kinds`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from store.studies.bias import Bias
from store.studies.document import TomlTable
from store.studies.expansion import LabelledPair
from store.studies.intervention import Interventions
from store.studies.pairs import Pairs


class StudyContent(Protocol):
    """What a study of some kind asks."""

    @classmethod
    def read(cls, table: TomlTable) -> "StudyContent":
        """Return the content that a study file describes; raises InputError with the place of what is wrong."""
        ...

    @property
    def size(self) -> int:
        """How many subjects or sentences it has."""
        ...

    def rows(self, name: str, limit: int | None = None) -> Iterator[LabelledPair]:
        """Yield the labelled pairs of the first `limit` subjects or sentences of the study `name`."""
        ...


@dataclass(frozen=True)
class StudyKind:
    """A kind of study: the class that reads and expands its files, and the pages that show it.

    `pages` has the address of each page, with the names of the studies that it shows when the address names none: the
    first of them that has results. A study that is made for one model has the model's name before, as in
    `embedded-gender`.
    """

    content: type[StudyContent]
    pages: Mapping[str, tuple[str, ...]] = field(hash=False)


KINDS: dict[str, StudyKind] = {
    "bias": StudyKind(Bias, {"gender": ("gender",), "ethnicity": ("tone", "ethnicity")}),
    "pairs": StudyKind(Pairs, {"homonyms": ("homonyms",), "synonyms": ("synonyms", "cohyponyms")}),
    "intervention": StudyKind(Interventions, {"intervention": ("intervention",)}),
}


def studies_of_page(page: str) -> tuple[str, ...]:
    """Return the names of the studies that the page at this address shows; none where it is about no study."""
    return next((kind.pages[page] for kind in KINDS.values() if page in kind.pages), ())
