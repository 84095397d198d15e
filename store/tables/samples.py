"""The long form that all tables start from: what may stand in one table, and its cells as arrays."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from store.catalogue import Catalogue, Entry, Filter
from store.errors import InputError
from store.pid.decomposition import ALIGNMENT, PARTS
from store.pid.information import STANDARD_MAPS
from store.pid.measures.aligned import alignment
from store.studies import Bias, Study
from store.tables.entries import model_notes
from store.tables.statistics import finite_or_nan, means_of

CELL = ("subject", "attribute")
SETTINGS = ("model", "revision", "guidance", "study", "mode", "measure", "level")  # one of each in a table
KEYS = (*SETTINGS, "prompt", "first", "second", *CELL, "seed")
QUANTITIES = ("information_first", "information_second", "information_both", *PARTS, *STANDARD_MAPS)
AVERAGE = "average"
Image = tuple[str, int]  # prompt and seed
OF_ALIGNMENT: dict[str, Any] = {
    "measure": "aligned",
    "level": "image",
}  # samples from which the index of whole images follows


def select(samples: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """Return the rows whose columns have the values given: `select(samples, study="gender", measure="mmi")`.

    Raises
    ------
    InputError: there is no such column, or no such value in the rows that are left.
    """
    for column, value in wanted.items():
        if column not in samples:
            raise InputError(f"column {column!r}", "not there", f"use one of {', '.join(map(str, samples))}")
        there = samples[column].unique()
        samples = samples[samples[column] == value]
        if samples.empty:
            raise InputError(f"{column} {value!r}", "nothing is there", f"use one of {_listed(there)}")
    return samples


def samples_of(
    catalogue: Catalogue,
    study: Study,
    *,
    model: str,
    revision: str = "",
    part: str = "",
    guidance: float | None = None,
    without: Collection[Image] = (),
    **wanted: object,
) -> pd.DataFrame:
    """Return the samples of a study, or of a `part` of it (NEUTRAL, BETWEEN), for the functions of `store.tables`.

    They are of images at the study's guidance or the lowest there is, where none is given; `wanted` selects further, as
    mode="pid", measure="mmi". `revision` is that of the model, or its beginning, where there are several. Attributes
    are in the order of the study. `attrs` say how many `noises` an image and how many `seeds` a prompt has, and in
    `notes` what is to be known of the model, if there is anything. Images `without` are left out, and results that
    carry its label but are not what the study asks for as it stands now.

    Raises
    ------
    InputError: nothing of it is there, or not under what is asked for, or of several revisions of the model; the text
    says what is.
    """
    samples = _asked_by(study, part, catalogue.samples(Filter(study=study.name + part, model=model)))
    if samples.empty:
        mend = f"compute it: python -m compute study {study.name} --model {model}"
        raise InputError(f"study {study.name}{part} of model {model}", "nothing of it is in the store", mend)
    guidance = study.guidance_among(samples["guidance"]) if guidance is None else guidance
    if guidance not in set(samples["guidance"]):
        there = ", ".join(f"{value:g}" for value in sorted(samples["guidance"].unique()))
        mend = f"compute it: python -m compute study {study.name} --model {model} --guidance {guidance:g}"
        raise InputError(f"study {study.name}{part} of model {model}", f"only guidance {there} is in the store", mend)
    samples = samples[samples["guidance"] == guidance]
    revision = choose_revision(model, samples["revision"], revision)
    chosen = leave_out(select(samples, revision=revision, **wanted), without)
    if isinstance(study.content, Bias) and set(chosen["attribute"]) <= set(study.content.attributes):
        order = pd.CategoricalDtype(list(study.content.attributes))
        chosen = chosen.assign(attribute=chosen["attribute"].astype(order))
    chosen.attrs = {"notes": notes} if (notes := model_notes(catalogue, model, revision)) else {}
    entries = catalogue.entries(Filter(study=study.name + part, model=model))
    chosen.attrs |= spent_of(
        [entry for entry in entries if entry.key.guidance == guidance and entry.key.revision == revision]
    )
    return chosen


def spent_of(entries: Sequence[Entry]) -> dict[str, str]:
    """Return the `noises` an image and the `seeds` a prompt of `entries`, each as "128" or "64 to 512"."""
    found = {"noises": {entry.noises for entry in entries}, "seeds": {entry.seeds for entry in entries}}
    return {
        name: str(*counts) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
        for name, counts in found.items()
        if counts
    }


def leave_out(samples: pd.DataFrame, without: Collection[Image]) -> pd.DataFrame:
    """Return `samples` without the images named; values of all images together, at the level *prompt*, stay."""
    if not without:
        return samples
    keys = zip(samples["prompt"].astype(str), samples["seed"].fillna(-1).astype(int), strict=True)
    return samples[[key not in without for key in keys]]


def guidance_of(catalogue: Catalogue, study: Study, model: str) -> float:
    """Return the guidance that tables of `study` are about where nobody names one."""
    entries = catalogue.entries(Filter(study=study.name, model=model))
    return study.guidance_among(entry.key.guidance for entry in entries if not entry.key.image)


def choose_revision(model: str, there: Iterable[str], wanted: str = "") -> str:
    """Return that one of the revisions `there` which is or begins with `wanted`, of a table about one of them.

    Raises
    ------
    InputError: there are several, or none; the text says which there are.
    """
    found = sorted(set(there))
    chosen = [each for each in found if each == wanted] or [each for each in found if each.startswith(wanted)]
    if len(chosen) == 1:
        return chosen[0]
    cause = "results of several revisions are in the store" if chosen else f"no revision {wanted} of it is in the store"
    raise InputError(f"model {model}", cause, f"choose one with --revision: {_listed(found)}")


def _asked_by(study: Study, part: str, samples: pd.DataFrame) -> pd.DataFrame:
    """Return those of `samples` whose prompt and label are in the study: a file may carry any label."""
    asked = {
        (each.prompt, label.attribute, label.subject)
        for each in study.expand()
        for labels in each.labels.values()
        for label in labels
        if label.study == study.name + part
    }
    columns = ["prompt", "attribute", "subject"]
    return samples[[key in asked for key in samples[columns].astype(str).itertuples(index=False, name=None)]]


@dataclass(frozen=True)
class Cells:
    """The cells of a bias table: O subjects, A attributes, S seeds; NaN where a value is missing or not finite."""

    subjects: list[str]
    attributes: list[str]
    seeds: np.ndarray  # (S,)
    values: np.ndarray  # float64 (O, A, S)
    excluded: np.ndarray  # int64 (O, A)

    @property
    def means(self) -> np.ndarray:
        """Means over seeds, (O, A)."""
        return means_of(self.values)

    @property
    def counts(self) -> np.ndarray:
        """Numbers of finite values, (O, A)."""
        return np.isfinite(self.values).sum(-1)


def cells_of(samples: pd.DataFrame, quantity: str) -> Cells:
    """Return the cells of one table; raises as `bias` does."""
    check(samples, quantity)
    unlabelled = int(samples[list(CELL)].isna().any(axis=1).sum())
    if unlabelled:
        raise InputError(f"{unlabelled} samples", "without subject or attribute", "label them or leave them out")
    subjects, attributes = (categories(samples[name]) for name in CELL)
    if AVERAGE in subjects:
        raise InputError(f"subject {AVERAGE!r}", "the name of the row of averages", "rename it")
    index = pd.MultiIndex.from_product([subjects, attributes], names=CELL)
    wide = by_seed(samples, quantity, CELL).reindex(index)
    shape = len(subjects), len(attributes)
    values = finite_or_nan(wide.to_numpy()).reshape(*shape, -1)
    excluded = count_excluded(samples, quantity, index).reshape(shape)
    return Cells(
        subjects=subjects, attributes=attributes, seeds=wide.columns.to_numpy(), values=values, excluded=excluded
    )


def categories(column: pd.Series) -> list[str]:
    """Return the different values of `column`, in alphabetical order or that of its categories."""
    return list(column.astype("category").cat.remove_unused_categories().cat.categories)


def check(samples: pd.DataFrame, quantity: str, free: Sequence[str] = ()) -> None:
    """Raise an InputError unless `quantity` is there and all settings but the `free` ones are one."""
    known = [name for name in samples.select_dtypes("number") if name not in KEYS]
    if quantity not in known:
        raise InputError(f"quantity {quantity!r}", "not known", f"use one of {', '.join(map(str, known))}")
    if samples.empty:
        raise InputError("samples", "nothing is selected", "compute the study, or select less narrowly")
    for column in SETTINGS:
        there = samples[column].unique()
        if len(there) > 1 and column not in free:
            mend = f"select one, as select(samples, {column}={there[0]!r})"
            raise InputError("samples", f"more than one {column} in one table ({_listed(there)})", mend)


def _listed(values: Iterable[object]) -> str:
    named = [repr(value.item() if isinstance(value, np.generic) else value) for value in values]
    return ", ".join(named[:8] + ["..."] * (len(named) > 8))


def alignment_index(samples: pd.DataFrame) -> np.ndarray:
    """Return r / sqrt(I1 I2) of each of `samples`, which are those under OF_ALIGNMENT; it has no unit."""
    first, second = (samples[f"information_{name}"].to_numpy() for name in ("first", "second"))
    between = first + second - 2 * samples["redundancy"].to_numpy()
    return alignment({"first": first, "second": second, "between": between})


def by_seed(samples: pd.DataFrame, quantity: str, rows: Sequence[str]) -> pd.DataFrame:
    """Return a frame with a row for each of `rows` and a column for each seed.

    Values without a seed, those of the level *prompt*, count as one image.
    """
    seeded = samples.copy()
    seeded["seed"] = samples["seed"].fillna(-1).astype(np.int64)
    seeded[quantity] = samples[quantity].astype(float)
    repeated = seeded[seeded.duplicated([*rows, "seed"])]
    if not repeated.empty:
        one = repeated.iloc[0]
        same = select(seeded, **{str(name): one[name] for name in (*rows, "seed")})
        what = " ".join(str(one[name]) for name in rows)
        cause = f"seed {one['seed']} is there twice (prompt {_listed(same['prompt'].unique())})"
        raise InputError(f"samples of {what}", cause, "select one prompt")
    return seeded.pivot(index=list(rows), columns="seed", values=quantity)


def count_excluded(samples: pd.DataFrame, quantity: str, index: pd.Index) -> np.ndarray:
    """Return how many values of each row of `index` are not finite."""
    broken = samples[~np.isfinite(samples[quantity].astype(float))]
    return broken.groupby(list(index.names), observed=True).size().reindex(index, fill_value=0).to_numpy()


def describe(samples: pd.DataFrame, quantity: str, measured: Sequence[str], **more: object) -> dict:
    """Return what a frame says about itself in `attrs`; the columns `measured` have the unit of `quantity`."""
    found = {name: samples[name].unique().tolist() for name in SETTINGS}
    settings = {name: values[0] if len(values) == 1 else values for name, values in found.items()}
    unit = "" if quantity == ALIGNMENT else "nats"
    return {**settings, **samples.attrs, "quantity": quantity, "units": dict.fromkeys(measured, unit), **more}
