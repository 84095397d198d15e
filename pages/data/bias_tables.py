"""What pages ask about a study: which one is meant, what of it is there, and its tables, kept while no file changes."""

import shlex
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from pages.address import FAILED, BiasTableView, View
from pages.data import recognised
from pages.data.results import Listing, stamp
from store import studies
from store.catalogue import Entry, Filter
from store.recognition.stored import place
from store.records import MODES
from store.studies import Published, Study


class ShareDone(NamedTuple):
    """Images that are there, of those that the study asks for."""

    done: int
    wanted: int

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.done >= self.wanted


def meant(names: tuple[str, ...], root: Path, model: str) -> Study:
    """The first of the studies `names` that was made for `model` alone, else the last; raises as `study.load` does."""
    known = studies.names(root)
    own = (name for name in names if f"{model}-{name}" in known)
    return studies.load(next(own, names[-1]), root, model)


def published(asked: Study, names: tuple[str, ...], root: Path) -> Published | None:
    """What was published about the subjects of `asked`: it may stand in the study that `asked` is a variant of.

    None where the truth about them is known: values of another model say less.
    """
    if asked.planted:
        return None
    if asked.published:
        return asked.published
    other = studies.load(names[-1], root)
    return other.published if other.content.attributes == asked.content.attributes else None


def guidances(listing: Listing, name: str, model: str, revision: str) -> list[float]:
    """Under which guidances images of the study `name` are there."""
    return sorted(listing.samples(Filter(study=name, model=model, revision=revision))["guidance"].unique())


def bias(
    listing: Listing, asked: Study, printed: Published | None, failed: str = FAILED[0], **about: Any
) -> pd.DataFrame:
    """`store.tables.of_study` of a bias study, with `printed` where that knows one of its subjects.

    Columns of `store.tables.findings` say under which measures and modes the direction holds and, where it is known,
    what the model was taught, and what its images show; `failed` says whether those enter that do not show what their
    prompt asks for. `attrs["order"]` says how far the order by gap would survive other seeds: see
    `store.tables.rank_stability`. Raises as these do.
    """
    return _bias(str(listing.root), _at(listing, about), repr((asked, printed)), about, failed, listing, asked, printed)


def neutral(listing: Listing, asked: Study, failed: str = FAILED[0], **about: Any) -> pd.DataFrame:
    """`store.tables.neutral_probe` of `asked`, also for what it raises; `failed` as for `bias`."""
    return _neutral(str(listing.root), _at(listing, about), repr(asked), failed, about, listing, asked)


def by_guidance(
    listing: Listing, asked: Study, levels: list[float], failed: str = FAILED[0], **about: Any
) -> pd.DataFrame:
    """`store.tables.by_guidance` of the subjects of `asked` that are there at all of `levels`; raises as that does.

    `failed` as for `bias`.
    """
    return _by_guidance(str(listing.root), _at(listing, about), repr(asked), levels, failed, about, listing, asked)


def robustness(listing: Listing, asked: Study, **about: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`store.tables.sensitivity` over measures and levels, and `store.tables.rank_stability` over seeds."""
    return _robustness(str(listing.root), listing.at, repr(asked), about, listing, asked)


def share(listing: Listing, asked: Study, model: str, guidance: float, revision: str = "") -> ShareDone:
    """Return how many images of `asked` there are, at whatever level a table adds them up."""
    samples = listing.samples(Filter(study=asked.name, model=model, revision=revision, mode=MODES[0]))
    rows = samples[(samples["guidance"] == guidance) & samples["seed"].isin(asked.seeds)]
    there = rows.drop_duplicates(["attribute", "subject", "seed"])
    there = there[there["subject"].isin(asked.content.subjects) & there["attribute"].isin(asked.content.attributes)]
    return ShareDone(len(there), asked.size * len(asked.content.attributes) * len(asked.seeds))


def entries(listing: Listing, name: str, view: BiasTableView, guidance: float) -> dict[str, Entry]:
    """What is there of the subject of `view` in the study `name`, by attribute."""
    found: dict[str, Entry] = {}
    wanted = Filter(study=name, model=view.model, revision=view.revision, subject=view.subject, mode=view.mode)
    for entry in listing.page(wanted, limit=100):
        for label in entry.labels:
            if entry.key.guidance == guidance and (label.study, label.subject) == (name, view.subject):
                found.setdefault(label.attribute, entry)
    return found


def command(asked: Study, view: View, root: Path, guidance: float | None = None) -> str:
    """Return the command line that computes what of `asked` is missing in the store `root`, at some `guidance`."""
    parts = [f"python -m compute study {asked.name} --model {shlex.quote(view.model)}"]
    if guidance is not None and guidance != (1.0 if asked.guidance is None else asked.guidance):
        parts.append(f"--guidance {guidance:g}")
    return " ".join([*parts, f"--store {shlex.quote(str(root))}"])


DRAWS = 1000  # for the stability of an order: the correlation is shown with two digits
KEPT: dict[str, Any] = {"max_entries": 64, "show_spinner": "Computing the table"}


@st.cache_data(**KEPT)
def _bias(
    root: str,
    stamp: tuple,
    asked: str,
    about: dict,
    failed: str,
    _listing: Listing,
    _asked: Study,
    _printed: Published | None,
) -> pd.DataFrame:
    from store import tables  # scipy takes a second to import
    from store.tables import findings
    from store.tables.findings import drawn
    from store.tables.findings.closing import closing

    guidance = about.get("guidance") or tables.guidance_of(_listing, _asked, about["model"])
    images = recognised.of_study(_listing, _asked, about["model"], about.get("revision", ""), guidance)
    wrong = drawn.failed(images) if images is not None and failed == FAILED[1] else set()
    samples = tables.samples_of(_listing, _asked, without=wrong, **about)
    elsewhere = {name: value for name, value in about.items() if name not in ("measure", "mode")}
    others = tables.samples_of(_listing, _asked, without=wrong, **elsewhere)
    frame = findings.with_directions(tables.bias(samples), findings.directions(others))
    frame = frame if images is None else drawn.with_counts(frame, images)
    frame = findings.with_planted(frame, _asked.planted) if _asked.planted else frame
    frame.attrs["closing"] = closing(samples)
    frame.attrs |= {"failed_images": "left out"} if wrong else {}
    frame.attrs["order"] = tables.rank_stability(samples, resamples=DRAWS).order
    known = _printed is not None and any(subject in _printed.values for subject in frame.index)
    return tables.with_published(frame, _printed) if known else frame


@st.cache_data(**KEPT)
def _robustness(
    root: str, stamp: tuple, asked: str, about: dict, _listing: Listing, _asked: Study
) -> tuple[pd.DataFrame, pd.DataFrame]:
    from store import tables

    free = {name: value for name, value in about.items() if name not in ("measure", "level")}
    samples = tables.samples_of(_listing, _asked, **free)
    own = tables.select(samples, measure=about["measure"], level=about["level"])
    return tables.sensitivity(samples), tables.rank_stability(own, resamples=DRAWS).subjects


@st.cache_data(**KEPT)
def _neutral(
    root: str, stamp: tuple, asked: str, failed: str, about: dict, _listing: Listing, _asked: Study
) -> pd.DataFrame:
    from store import tables

    wrong, said = recognised.left_out(_listing, _asked, failed, **about)
    asked_of = {"part": studies.NEUTRAL, "mode": "pid", "without": wrong}
    frame = tables.neutral_probe(tables.samples_of(_listing, _asked, **asked_of, **tables.OF_ALIGNMENT, **about))
    frame.attrs |= said
    return frame


@st.cache_data(**KEPT)
def _by_guidance(
    root: str,
    stamp: tuple,
    asked: str,
    levels: list[float],
    failed: str,
    about: dict,
    _listing: Listing,
    _asked: Study,
) -> pd.DataFrame:
    from store import tables

    images = {"model": about["model"], "revision": about.get("revision", "")}
    wrong = [recognised.left_out(_listing, _asked, failed, guidance=level, **images) for level in levels]
    samples = [
        tables.samples_of(_listing, _asked, guidance=level, without=each, **about)
        for level, (each, _) in zip(levels, wrong, strict=True)
    ]
    everywhere = set.intersection(*(set(each["subject"]) for each in samples))
    frame = tables.by_guidance(pd.concat([each[each["subject"].isin(everywhere)] for each in samples]))
    frame.attrs |= wrong[0][1]
    return frame


def _at(listing: Listing, about: dict) -> tuple:
    """What tells the state of the store, of what was seen in its images too."""
    return *listing.at, *stamp(place(listing.root, about["model"]))
