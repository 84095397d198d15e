"""The table of a study, from what a store holds."""

import pandas as pd

from store.catalogue import Catalogue, Filter
from store.errors import InputError
from store.study import Bias, Study
from store.tables.samples import select
from store.tables.studies import bias, pairs


def of_study(
    catalogue: Catalogue,
    study: Study,
    *,
    model: str,
    mode: str = "pid",
    measure: str = "mmi",
    level: str = "pixel",
    quantity: str = "redundancy",
    guidance: float | None = None,
) -> pd.DataFrame:
    """`bias` of a study of that kind, else `pairs`: of images at the study's guidance unless told otherwise.

    Raises
    ------
    InputError: nothing of it is there, or not under what is asked for; the text says what is.
    """
    samples = catalogue.samples(Filter(study=study.name, model=model))
    if samples.empty:
        mend = f"compute it: python -m compute study {study.name} --model {model}"
        raise InputError(f"study {study.name} of model {model}", "nothing of it is in the store", mend)
    wanted = {"guidance": study.guidance if guidance is None else guidance}
    chosen = select(samples, **wanted, mode=mode, measure=measure, level=level)
    if isinstance(study.content, Bias):
        order = pd.CategoricalDtype(list(study.content.attributes))
        return bias(chosen.assign(attribute=chosen["attribute"].astype(order)), quantity)
    return pairs(chosen, quantity)
