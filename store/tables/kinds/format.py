"""The parts of every table of `store table`: what is asked, what is printed, and the text of its cells."""

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from store.catalogue import Catalogue, Filter
from store.studies import Study
from store.tables.findings.closing import CHAIN, broken_chain, chain
from store.tables.samples import QUANTITIES, Image, choose_revision, samples_of


class PrintedTable(NamedTuple):
    """A table as a terminal shows it: the text of `frame`, a line above it, and lines below it."""

    frame: pd.DataFrame
    text: Callable[[pd.DataFrame], str]
    head: str
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class TableRequest:
    """Which study, model and images a table is about, and how parts of the information are formed."""

    catalogue: Catalogue
    study: Study
    model: str
    revision: str  # or its beginning; empty where there is one alone
    guidances: tuple[float, ...]
    mode: str
    measure: str
    level: str
    quantity: str
    without: Mapping[float, Collection[Image]] = field(default_factory=dict)  # images that are left out, by guidance

    @property
    def setting(self) -> dict[str, Any]:
        """Mode, measure and level, by name."""
        return {"mode": self.mode, "measure": self.measure, "level": self.level}

    @property
    def of_images(self) -> dict[str, Any]:
        """Model, revision and guidance of the images, and which are left out, for tables about one guidance."""
        guidance = self.guidances[0]
        about = {"model": self.model, "revision": self.revision, "guidance": guidance}
        return {**about, "without": self.without.get(guidance, ())}

    @property
    def head(self) -> str:
        """Quantity and setting in words."""
        return f"{self.quantity} in nats, {self.measure}, {self.level} level, {self.mode}"

    def samples(self, **chosen: Any) -> pd.DataFrame:
        """Return the samples of the study; see `samples_of` for what is chosen and raised."""
        asked = {**self.of_images, **chosen}
        asked["without"] = self.without.get(asked["guidance"], ())
        return samples_of(self.catalogue, self.study, **asked)


def in_every_study(study: Study) -> str:
    """Return no reason to refuse: each study of the kind has the table."""
    return ""


@dataclass(frozen=True, kw_only=True)
class StudyTable:
    """A table that studies of a kind have. Without a `name` it is the usual one, else `option` asks for it."""

    make: Callable[[TableRequest], PrintedTable]
    name: str = ""
    help: str = ""
    option: str = ""  # --NAME, or an option with its value; empty where several guidances ask for the table
    mode: str = "pid"  # where nobody says otherwise
    quantities: tuple[str, ...] = QUANTITIES
    refusal: Callable[[Study], str] = in_every_study  # why a study lacks it; empty where it has it


def _closing(request: TableRequest) -> PrintedTable:
    table = chain_of(request.catalogue, request.study, request.model, request.revision)
    head = "chain rule in nats, means over prompts with both words"
    notes = ["closes: apart by no more than three errors and a fifth of both", broken_chain(table)]
    return PrintedTable(table, _closing_text, head, list(filter(None, notes)))


def _closing_text(table: pd.DataFrame) -> str:
    columns: dict[str, Sequence[str]] = {"I12": list(map(number, table["both"]))}
    for name, title in zip(CHAIN, ("I1 + I(2|1)", "I2 + I(1|2)"), strict=True):
        rows = zip(table[name], table[f"{name}_apart"], table[f"{name}_error"], strict=True)
        columns[title] = [f"{value:.2f} ({apart:+.2f} +- {error:.2f})" for value, apart, error in rows]
    columns |= {each: list(map(str, table[each])) for each in ("prompts", "images")}
    columns["closes"] = ["yes" if each else "no" for each in table["closes"]]
    return draw(columns, table.index.map(lambda key: f"{key[0]}, guidance {key[1]:g}"))


def chain_of(catalogue: Catalogue, study: Study, model: str, revision: str = "") -> pd.DataFrame:
    """Return `chain` of what is there of a study by one revision of a model; raises as that and `choose_revision`."""
    entries = list(catalogue.entries(Filter(study=study.name, model=model)))
    chosen = choose_revision(model, [each.key.revision for each in entries], revision) if entries else ""
    table = chain(each for each in entries if each.key.revision == chosen)
    table.attrs |= {"study": study.name}
    return table


CLOSING = StudyTable(
    make=_closing,
    name="closing",
    option="--closing",
    help="whether I1 + I(2|1) = I12 = I2 + I(1|2) in the mean over images",
)


def draw(columns: Mapping[str, Sequence[str]], index: pd.Index) -> str:
    """Return columns of text as a table for a terminal."""
    frame = pd.DataFrame({name: list(values) for name, values in columns.items()}, index=index)
    return frame.rename_axis(index=[None] * index.nlevels).to_string(max_colwidth=None)


def intervals(
    table: pd.DataFrame, of: Hashable, value: str = "mean", low: str = "low", high: str = "high"
) -> list[str]:
    """Return value and interval of one attribute in each row."""
    return intervals_of(table, *((name, of) for name in (value, low, high)))


def intervals_of(table: pd.DataFrame, *columns: Hashable) -> list[str]:
    """Return value and interval in each row, from the three columns that hold them."""
    return [_interval(*row) for row in zip(*(table[name] for name in columns), strict=True)]


def _interval(value: float, low: float, high: float) -> str:
    return number(value) if math.isnan(low) else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def q_values(q: pd.Series, significant: pd.Series) -> list[str]:
    """Return each q value, with a star where it is significant."""
    return [number(value, ".3f") + star(found) for value, found in zip(q, significant, strict=True)]


def star(significant: object) -> str:
    """Return a star, after a blank, where `significant` is true."""
    return " *" if significant is True or significant is np.True_ else ""


def number(value: float, form: str = ".2f") -> str:
    """Return a number in the format `form`; empty for NaN."""
    return "" if math.isnan(value) else format(value, form)


def text(value: object) -> str:
    """Return a number with two digits, other values as they are; empty where missing."""
    if isinstance(value, float):
        return number(value)
    return "" if pd.isna(value) else str(value)


def plain_text(frame: pd.DataFrame) -> str:
    """Return a frame as text: numbers with two digits, text as it is."""
    columns = {
        " ".join(map(str, name)) if isinstance(name, tuple) else str(name): [
            text(value) for value in frame.iloc[:, place]
        ]
        for place, name in enumerate(frame)
    }
    return draw(columns, frame.index)
