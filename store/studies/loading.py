"""Studies by name: those that ship, those in the folder `studies` beside a store, and any file elsewhere."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from store.errors import InputError
from store.studies.bias import Bias
from store.studies.document import SHIPPED, TomlTable, shortened
from store.studies.expansion import PromptPairs, group_by_prompt, words_of
from store.studies.kinds import KINDS, StudyContent
from store.studies.planted import Planted
from store.studies.published import Published

NAME = re.compile(r"[\w-]+")
MOST_SEEDS, MOST_NOISES, MOST_GUIDANCE = 10_000, 1_000_000, 1000.0
LAST_SEED = 2**63 - 1  # files store seeds as 64-bit integers


@dataclass(frozen=True, kw_only=True)
class Study:
    """A question put to a model with many prompts: read from a file, checked, ready to be expanded.

    `name` is the file's, without `.toml`; results carry it in their labels. `kind` is one of KINDS, `content` what a
    study of that kind asks. `model` is empty where any model will do. `guidance` is that of image generation,
    None where the model's usual one will do; `noises` are those of each image.
    """

    name: str
    title: str
    question: str
    kind: str
    content: StudyContent
    model: str
    seeds: tuple[int, ...]
    guidance: float | None
    noises: int

    @property
    def size(self) -> int:
        """How many subjects or sentences it has: what `limit` of `expand` counts."""
        return self.content.size

    def guidance_among(self, there: Iterable[float]) -> float:
        """Return the guidance that is looked at where nobody names one: its own, else the lowest of those `there`."""
        return min(there, default=1.0) if self.guidance is None else self.guidance

    @property
    def published(self) -> Published | None:
        """What others published about its subjects, if its file says so."""
        return self.content.published if isinstance(self.content, Bias) else None

    @property
    def planted(self) -> Planted | None:
        """What its model was taught about its subjects, if its file says so."""
        return self.content.planted if isinstance(self.content, Bias) else None

    def expand(self, limit: int | None = None) -> tuple[PromptPairs, ...]:
        """Return what is to be computed, prompt by prompt, of all subjects or sentences or the first `limit`.

        Raises
        ------
        InputError: `limit` is below 1.
        """
        if limit is not None and limit < 1:
            raise InputError(f"limit {limit}", "leaves nothing to do", "ask for at least 1")
        return group_by_prompt(self.content.rows(self.name, limit))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Every word that it shows to a model, in lower case and order of appearance."""
        return words_of(self.expand())


def names(store: Path | None = None) -> list[str]:
    """Return the names of the studies that ship, then of those in the folder `studies` beside `store`."""
    return list(_files(store))


def load(name: str | Path, store: Path | None = None, model: str = "") -> Study:
    """Return the study `name`, one of `names`, or the one in a file that ends in `.toml`.

    Where a study of that name is made for `model` alone, it is returned: `gender` of the embedded model is
    `embedded-gender`.

    Raises
    ------
    InputError: there is none, or its file is wrong; the text names file, place, cause and mend.
    """
    own = f"{model}-{name}"
    path = _path(own if own in names(store) else name, store)
    shipped = _files(None).get(path.stem)
    if shipped and path.resolve() != shipped.resolve():
        raise InputError(str(path), f"a study that ships is called {path.stem} too", "rename the file")
    return _read_shipped(path) if path == shipped else _read(path)


@cache
def _read_shipped(path: Path) -> Study:
    return _read(path)


def _read(path: Path) -> Study:
    if not NAME.fullmatch(path.stem):
        raise InputError(str(path), "its name has more than letters, digits, - and _", "rename the file")
    table = TomlTable.read(path)
    title, question, kind = (table.text(key) for key in ("title", "question", "kind"))
    if kind not in KINDS:
        raise table.wrong("kind", f"{kind!r} is not known", f"use one of {', '.join(KINDS)}")
    study = Study(
        name=path.stem,
        title=title,
        question=question,
        kind=kind,
        model=table.text("model", ""),
        guidance=float(table.number("guidance", 1.0, most=MOST_GUIDANCE)) if "guidance" in table else None,
        seeds=_seeds(table),
        noises=table.whole("noises", 256, MOST_NOISES),
        content=KINDS[kind].content.read(table),
    )
    table.finish()
    return study


def _folders(store: Path | None) -> list[Path]:
    return [SHIPPED] if store is None else [SHIPPED, store.absolute().parent / "studies"]


def _files(store: Path | None) -> dict[str, Path]:
    """Return the study files by name: that beside the store, where one that ships has the same name."""
    return {path.stem: path for folder in _folders(store) for path in sorted(folder.glob("*.toml"))}


def _path(name: str | Path, store: Path | None) -> Path:
    if Path(name).suffix == ".toml":
        return Path(name)
    found = _files(store)
    if str(name) not in found:
        mend = f"name a .toml file or one of {', '.join(found)}"
        raise InputError(f"study {shortened(str(name))}", "not known", mend)
    return found[str(name)]


def _seeds(table: TomlTable) -> tuple[int, ...]:
    """Return the seeds of each prompt's images: a file says how many, or which."""
    given = table.values.get("seeds")
    if not isinstance(given, list):
        return tuple(range(table.whole("seeds", 4, MOST_SEEDS)))
    sound = given and all(type(seed) is int and 0 <= seed <= LAST_SEED for seed in given)
    if not sound or len({*given}) < len(given) or len(given) > MOST_SEEDS:
        cause = f"not a list of different numbers from 0 to 2^63 - 1, {MOST_SEEDS:,} at most"
        raise table.wrong("seeds", cause, "write seeds = 8 or seeds = [0, 1]")
    table.taken["seeds"] = None
    return tuple(given)
