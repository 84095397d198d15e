"""From what a store holds to the tables of a study."""

import pandas as pd

from store.catalogue import Catalogue, Filter
from store.errors import InputError
from store.pid.measures import DEFAULT
from store.studies import Bias, Published, Study
from store.tables.samples import select
from store.tables.studies import bias, pairs

PUBLISHED = "published"


def samples_of(
    catalogue: Catalogue,
    study: Study,
    *,
    model: str,
    part: str = "",
    guidance: float | None = None,
    **wanted: object,
) -> pd.DataFrame:
    """The samples of a study, or of a `part` of it (NEUTRAL, BETWEEN), for the functions of `store.tables`.

    Of images at the study's guidance unless told otherwise; `wanted` selects further, as mode="pid", measure="mmi".
    Attributes are in the order of the study.

    Raises
    ------
    InputError: nothing of it is there, or not under what is asked for; the text says what is.
    """
    samples = catalogue.samples(Filter(study=study.name + part, model=model))
    if samples.empty:
        mend = f"compute it: python -m compute study {study.name} --model {model}"
        raise InputError(f"study {study.name}{part} of model {model}", "nothing of it is in the store", mend)
    guidance = study.guidance if guidance is None else guidance
    if guidance not in set(samples["guidance"]):
        there = ", ".join(f"{value:g}" for value in sorted(samples["guidance"].unique()))
        mend = f"compute it: python -m compute study {study.name} --model {model} --guidance {guidance:g}"
        raise InputError(f"study {study.name}{part} of model {model}", f"only guidance {there} is in the store", mend)
    chosen = select(samples, guidance=guidance, **wanted)
    if isinstance(study.content, Bias) and set(chosen["attribute"]) <= set(study.content.attributes):
        order = pd.CategoricalDtype(list(study.content.attributes))
        chosen = chosen.assign(attribute=chosen["attribute"].astype(order))
    return chosen


def of_study(
    catalogue: Catalogue,
    study: Study,
    *,
    model: str,
    mode: str = "pid",
    measure: str = DEFAULT,
    level: str = "pixel",
    quantity: str = "redundancy",
    guidance: float | None = None,
) -> pd.DataFrame:
    """`bias` of a study of that kind, else `pairs`; raises as `samples_of` does."""
    settings = {"mode": mode, "measure": measure, "level": level}
    samples = samples_of(catalogue, study, model=model, guidance=guidance, **settings)
    return (bias if isinstance(study.content, Bias) else pairs)(samples, quantity)


def with_published(table: pd.DataFrame, published: Published) -> pd.DataFrame:
    """A table of `bias` with what others printed of another model: columns (`published`, attribute).

    They are to be held against `normalised`, in order and direction, not in size: both are shares of a table's range,
    and the tables have other rows. The row `average` is that of the source, which the column `source` names wherever
    there is a value; `attrs["published"]` says which model and quantity they are about.
    """
    theirs = published.frame.reindex(table.index)
    found = table.copy()
    for attribute in theirs:
        found[PUBLISHED, attribute] = theirs[attribute]
    found["source", ""] = pd.Series(published.source, index=theirs.dropna(how="all").index)
    found.attrs = {**table.attrs, PUBLISHED: published.frame.attrs}
    return found
