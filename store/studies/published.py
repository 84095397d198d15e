"""What others published about the subjects of a study, as they printed it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from store.studies.document import TomlTable

AVERAGE = "average"  # the last row of `store.tables`, which is not imported here: it brings scipy


@dataclass(frozen=True, kw_only=True)
class Published:
    """Values that others published of another model: of subjects by attribute, and their average.

    `source` is the publication, `table` the place in it, `model` the model, `quantity` what the values are. `average`
    is over all subjects of the source.
    """

    source: str
    table: str
    model: str
    quantity: str
    values: Mapping[str, Mapping[str, float]] = field(hash=False)
    average: Mapping[str, float] = field(hash=False)

    @classmethod
    def read(cls, table: TomlTable, attributes: tuple[str, ...], subjects: tuple[str, ...]) -> "Published":
        """Return what the table [published] of a bias study says.

        Raises
        ------
        InputError: something is missing or unknown, as a subject that the study lacks.
        """
        source, where, model, quantity = (table.text(key) for key in ("source", "table", "model", "quantity"))
        values = read_values(table.table("values"), attributes, subjects)
        average = _numbers(table.table("average"), attributes)
        table.finish()
        return cls(source=source, table=where, model=model, quantity=quantity, values=values, average=average)

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each subject, then the row `average` of the source; `attrs` name source, table, model, quantity."""
        rows = {**self.values, AVERAGE: self.average}
        frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="subject", columns="attribute")
        frame.attrs = {"source": self.source, "table": self.table, "model": self.model, "quantity": self.quantity}
        return frame


def read_values(
    listed: TomlTable, attributes: tuple[str, ...], subjects: tuple[str, ...], most: float = 1e9
) -> dict[str, dict[str, float]]:
    """Return a number from 0 to `most` of each attribute, for each of the `subjects` that `listed` names.

    Raises
    ------
    InputError: a subject that the study lacks, an attribute that is missing or unknown, or another number.
    """
    values = {}
    for subject in listed.values:
        if subject not in subjects:
            raise listed.wrong(subject, "no subject of this study", "write it as the study does")
        values[subject] = _numbers(listed.table(subject), attributes, most)
    return values


def _numbers(table: TomlTable, attributes: tuple[str, ...], most: float = 1e9) -> dict[str, float]:
    found = {}
    for attribute in attributes:
        if attribute not in table:
            raise table.wrong(attribute, "missing", f"write {attribute} = and the value")
        found[attribute] = table.number(attribute, 0.0, most=most)
    table.finish()
    return found
