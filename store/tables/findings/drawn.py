"""What the images of a bias study show, counted: whether it is what their prompt asks for, and which attribute."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from store import hdf5
from store.catalogue import Catalogue, Filter
from store.errors import InputError, StoreError
from store.recognition import References, Sightings, Thing, known_for, stored
from store.records import Label
from store.studies import NEUTRAL, Bias, Study
from store.tables.samples import AVERAGE, Image
from store.tables.statistics import CONFIDENCE

COUNTED = "counted"
Recognised = list[tuple[int, Thing, bool | None]]  # seed, what the image shows, whether the prompt asks for it
Reader = Callable[[Path, str], Recognised]  # of a file and its prompt
COLUMNS = ("prompt", "attribute", "subject", "seed", "label", "asked")


@dataclass(frozen=True)
class Recognition:
    """How it is told what images of a model show: as a recogniser `saw` them, else by `references` to its pictures."""

    saw: Sightings | None
    references: References | None

    @classmethod
    def of(cls, root: Path, model: str) -> "Recognition | None":
        """Return that of `model` in the store `root`; None where nothing is known. Raises as `stored.read` does."""
        saw, references = stored.read(root, model), known_for(model)
        return cls(saw, references) if saw or references else None

    @property
    def identity(self) -> str:
        """The recogniser, as people read it; empty where references tell it."""
        return self.saw.identity if self.saw else ""

    def read(self, path: Path, prompt: str) -> Recognised:
        """Return what each image of a file shows; nothing of a file that cannot be read, or where nobody looked."""
        if self.saw:
            return [(seed, each.thing, each.asked) for seed, each in self.saw.of(path).items()]
        if self.references is None:
            return []
        try:
            pictures = hdf5.pictures(path)
        except StoreError:
            return []
        things = {seed: self.references.name(image) for seed, image in pictures.items()}
        return [(seed, thing, self.references.shows(thing, prompt)) for seed, thing in things.items()]


def images_of(
    catalogue: Catalogue, study: Study, shown: Reader, *, model: str, revision: str = "", guidance: float
) -> pd.DataFrame:
    """Return a row for each image of a bias study: what it shows.

    Columns: `prompt`, `attribute` (empty for images whose prompt names none), `subject`, `seed`, `label` (*neither*
    where it is near to nothing known), `asked` (whether it shows all that the prompt names; None where that is not
    known), and a column `is ATTRIBUTE` for each attribute. `shown` reads one file.
    """
    if not isinstance(study.content, Bias):
        raise InputError(f"study {study.name}", "it is of another kind", "take one of kind bias")
    attributes, rows = study.content.attributes, []
    for path, (prompt, attribute, subject) in _files(catalogue, study, model, revision, guidance):
        for seed, thing, asked in shown(path, prompt):
            about = (prompt, attribute, subject, seed, thing.label, asked)
            rows.append((*about, *(thing.has(each) for each in attributes)))
    return pd.DataFrame(rows, columns=[*COLUMNS, *(f"is {each}" for each in attributes)])


def failed(images: pd.DataFrame) -> set[tuple[str, int]]:
    """Return prompt and seed of the images that do not show what their prompt asks for."""
    wrong = images[[asked is False for asked in images["asked"]]]
    return set(wrong[["prompt", "seed"]].itertuples(index=False, name=None))


def failed_of(
    catalogue: Catalogue, study: Study, shown: Reader, *, model: str, revision: str = "", guidance: float
) -> tuple[frozenset[Image], int]:
    """Return prompt and seed of the images of a study of any kind that fail, and of how many that is known."""
    found, checked = set(), 0
    for path, (prompt, *_) in _files(catalogue, study, model, revision, guidance):
        told = [(seed, asked) for seed, _, asked in shown(path, prompt) if asked is not None]
        checked += len(told)
        found |= {(prompt, seed) for seed, asked in told if not asked}
    return frozenset(found), checked


def with_counts(table: pd.DataFrame, images: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Return a table of `bias` with what was drawn where the prompt names no attribute.

    | column | |
    |---|---|
    | (`counted`, attribute) | the share of the attribute among the images of the bare subject that show the subject |
    | (`counted_low`, attribute), (`counted_high`, attribute) | its interval (Wilson 1927) |
    | `drawn_images` | how many images these are |
    | `failed` | of the images whose prompt names an attribute, how many do not show what it asks for |
    | `checked` | of how many that is known |
    """
    found = table.copy()
    bare, named = images[images["attribute"] == ""], images[images["attribute"] != ""]
    shown = bare[[asked is True for asked in bare["asked"]]]
    count = shown.groupby("subject").size().reindex(table.index, fill_value=0)
    for attribute in table["mean"]:
        of = shown.groupby("subject")[f"is {attribute}"].sum().reindex(table.index, fill_value=0)
        share = (of / count.where(count > 0)).astype(float)
        ends = [wilson(int(k), int(n), confidence) for k, n in zip(of, count, strict=True)]
        found[COUNTED, attribute] = share
        found[f"{COUNTED}_low", attribute] = [low for low, _ in ends]
        found[f"{COUNTED}_high", attribute] = [high for _, high in ends]
    found["drawn_images", ""] = count
    known = named[[asked is not None for asked in named["asked"]]]
    found["checked", ""] = known.groupby("subject").size().reindex(table.index, fill_value=0)
    found["failed", ""] = (
        (~known["asked"].astype(bool)).groupby(known["subject"]).sum().reindex(table.index, fill_value=0)
    )
    for name in ("checked", "failed"):
        found.loc[AVERAGE, (name, "")] = found[name, ""].drop(AVERAGE).sum()
    found.attrs = {**table.attrs, **images.attrs}
    return found


def wilson(count: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the interval of a share (Wilson 1927); NaN of nothing."""
    if not total:
        return math.nan, math.nan
    z = float(stats.norm.ppf((1 + confidence) / 2))
    share, weight = count / total, z * z / total
    middle = share + weight / 2
    half = z * math.sqrt(share * (1 - share) / total + weight / (4 * total))
    return max(0.0, (middle - half) / (1 + weight)), min(1.0, (middle + half) / (1 + weight))


def disagreements(table: pd.DataFrame) -> list[str]:
    """Return the subjects that are drawn clearly as one attribute while information significantly says another.

    Clearly: the interval of the share lies above that of an even draw.
    """
    if COUNTED not in table:
        return []
    even, rows, found = 1 / table["mean"].shape[1], table.drop(AVERAGE), []
    for subject, row in rows.iterrows():
        clear = [each for each in table["mean"] if row[f"{COUNTED}_low", each] > even]
        if clear and bool(row["significant", ""]) and row["largest", ""] not in clear:
            found.append(str(subject))
    return found


def _files(
    catalogue: Catalogue, study: Study, model: str, revision: str, guidance: float
) -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """The files of a study, each once, with prompt, attribute and subject."""
    seen = set()
    for part in ("", NEUTRAL):
        for entry in catalogue.entries(Filter(study=study.name + part, model=model, revision=revision)):
            label = next((each for each in entry.labels if each.study == study.name + part), Label("", "", ""))
            if entry.key.guidance == guidance and not entry.key.image and entry.path not in seen:
                seen.add(entry.path)
                yield entry.path, (entry.key.prompt, "" if part else label.attribute, label.subject)


def share_text(table: pd.DataFrame, subject: str, attribute: str) -> str:
    """Return a counted share as *7 of 8 (0.53 to 0.98)*; empty where nothing was counted."""
    if COUNTED not in table or not table.loc[subject, ("drawn_images", "")]:
        return ""
    row = table.loc[subject]
    total = int(row["drawn_images", ""])
    count = int(np.rint(row[COUNTED, attribute] * total))
    return f"{count} of {total} ({row[f'{COUNTED}_low', attribute]:.2f} to {row[f'{COUNTED}_high', attribute]:.2f})"
