"""What others published about the subjects of a study, as they printed it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from store.studies.document import Table

AVERAGE = "average"  # the last row of `store.tables`, which is not imported here: it brings scipy


@dataclass(frozen=True)
class Published:
    """Values of another model: of subjects by attribute, and the average over all subjects of the source.

    `source` is the publication, `table` where it has them, `model` what they are about, `quantity` what they are.
    """

    source: str
    table: str
    model: str
    quantity: str
    values: Mapping[str, Mapping[str, float]] = field(hash=False)
    average: Mapping[str, float] = field(hash=False)

    @classmethod
    def read(cls, table: Table, attributes: tuple[str, ...], subjects: tuple[str, ...]) -> "Published":
        """The table [published] of a bias study.

        Raises
        ------
        InputError: something is missing or unknown, as a subject that the study lacks.
        """
        source, where, model, quantity = (table.text(key) for key in ("source", "table", "model", "quantity"))
        listed, values = table.table("values"), {}
        for subject in listed.values:
            if subject not in subjects:
                raise listed.wrong(subject, "no subject of this study", "write it as the study does")
            values[subject] = _numbers(listed.table(subject), attributes)
        average = _numbers(table.table("average"), attributes)
        table.finish()
        return cls(source, where, model, quantity, values, average)

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each subject, then the row `average` of the source; `attrs` say whose values they are."""
        rows = {**self.values, AVERAGE: self.average}
        frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="subject", columns="attribute")
        frame.attrs = {"source": self.source, "table": self.table, "model": self.model, "quantity": self.quantity}
        return frame


def _numbers(table: Table, attributes: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for attribute in attributes:
        if attribute not in table:
            raise table.wrong(attribute, "missing", f"write {attribute} = and the value")
        found[attribute] = table.number(attribute, 0.0)
    table.finish()
    return found
