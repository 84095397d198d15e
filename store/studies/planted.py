"""What is known of the truth of a bias study: which shares a model was taught on purpose, and which it draws."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from store.studies.document import TomlTable
from store.studies.published import read_values

EVEN = 0.02  # shares that differ by less from their mean are even


@dataclass(frozen=True, kw_only=True)
class Planted:
    """Shares of each attribute among the pictures of each subject.

    `taught` are those of the training, `drawn` those among `images` images of the subject alone, as `source` counted
    them; a subject may lack the latter.
    """

    source: str
    images: int
    taught: Mapping[str, Mapping[str, float]] = field(hash=False)
    drawn: Mapping[str, Mapping[str, float]] = field(hash=False)

    @classmethod
    def read(cls, table: TomlTable, attributes: tuple[str, ...], subjects: tuple[str, ...]) -> "Planted":
        """Return what the table [planted] of a bias study says.

        Raises
        ------
        InputError: something is missing or unknown, as a subject that the study lacks.
        """
        source, images = table.text("source"), table.whole("images", 1, 1_000_000)
        taught = read_values(table.table("taught"), attributes, subjects, most=1.0)
        drawn = read_values(table.table("drawn"), attributes, subjects, most=1.0) if "drawn" in table else {}
        table.finish()
        return cls(source=source, images=images, taught=taught, drawn=drawn)

    @property
    def shares(self) -> pd.DataFrame:
        """The shares that were taught: a row for each subject, a column for each attribute."""
        return pd.DataFrame.from_dict(dict(self.taught), orient="index")

    @property
    def shares_drawn(self) -> pd.DataFrame:
        """The shares among drawn images, in the same form; empty where none were counted."""
        return pd.DataFrame.from_dict(dict(self.drawn), orient="index", columns=list(self.shares))

    @property
    def even(self) -> set[str]:
        """The subjects of which all attributes were taught alike: the control."""
        apart = self.shares.sub(self.shares.mean(axis=1), axis=0).abs().max(axis=1)
        return set(apart.index[apart < EVEN])
