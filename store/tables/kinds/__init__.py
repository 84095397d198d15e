"""The tables of each kind of study. A table is one entry in its kind's TABLES; a kind is one entry here."""

import pandas as pd

from store.catalogue import Catalogue
from store.errors import InputError
from store.pid.measures import DEFAULT
from store.studies import Study
from store.tables.kinds import bias, intervention, pairs
from store.tables.kinds.format import PrintedTable, StudyTable, TableRequest
from store.tables.samples import guidance_of

__all__ = ["TABLES", "PrintedTable", "StudyTable", "TableRequest", "choose_table", "of_study"]

TABLES: dict[str, tuple[StudyTable, ...]] = {
    "bias": bias.TABLES,
    "pairs": pairs.TABLES,
    "intervention": intervention.TABLES,
}
SEVERAL = "guidance"  # the table that several guidances ask for


def choose_table(study: Study, name: str = "", guidances: int = 1) -> StudyTable:
    """Return the table `name` of `study`, or its usual one, or the one about several guidances.

    Raises
    ------
    InputError: studies of this kind have no such table, or this study lacks what it takes.
    """
    if name and guidances > 1:
        raise InputError(f"{_option(name)} at several guidances", "it is about one", "give one --guidance")
    name = SEVERAL if guidances > 1 else name
    chosen = next((table for table in TABLES[study.kind] if table.name == name), None)
    if chosen is None:
        cause = f"{study.name} is of kind {study.kind}, which has no such table"
        raise InputError(_option(name), cause, "leave it out" if name != SEVERAL else "give one")
    if reason := chosen.refusal(study):
        raise InputError(f"study {study.name}", reason, f"leave out {_option(name)}")
    return chosen


def of_study(
    catalogue: Catalogue,
    study: Study,
    *,
    model: str,
    revision: str = "",
    mode: str = "",
    measure: str = DEFAULT,
    level: str = "pixel",
    quantity: str = "redundancy",
    guidance: float | None = None,
) -> pd.DataFrame:
    """Return the usual table of a study of any kind: `bias`, `pairs` or `effects`; raises as these do."""
    chosen = choose_table(study)
    request = TableRequest(
        catalogue=catalogue,
        study=study,
        model=model,
        revision=revision,
        guidances=(guidance_of(catalogue, study, model) if guidance is None else guidance,),
        mode=mode or chosen.mode,
        measure=measure,
        level=level,
        quantity=quantity,
    )
    return chosen.make(request).frame


def _option(name: str) -> str:
    options = (table.option for tables in TABLES.values() for table in tables if table.name == name)
    return next(filter(None, options), f"--{name}")
