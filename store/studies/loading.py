"""Studies by name: those that ship, those in the folder `studies` beside a store, and any file elsewhere."""

import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from store.errors import InputError
from store.studies.document import Table
from store.studies.kinds import KINDS, SHIPPED, Bias, Content, Item, items, words_of
from store.studies.published import Published

NAME = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Study:
    """A question put to a model with many prompts: read from a file, checked, ready to be expanded.

    `name` is the file's, without `.toml`; results carry it in their labels. `model` is empty where any will do.
    `guidance` is that of image generation, `noises` those of each image.
    """

    name: str
    title: str
    question: str
    kind: str
    content: Content
    model: str
    seeds: tuple[int, ...]
    guidance: float
    noises: int
    published: Published | None = None

    @property
    def size(self) -> int:
        """How many subjects or sentences it has: what `limit` of `expand` counts."""
        return self.content.size

    def expand(self, limit: int | None = None) -> tuple[Item, ...]:
        """What is to be computed, one item a prompt, of all subjects or sentences or the first `limit`.

        Raises
        ------
        InputError: `limit` is below 1.
        """
        if limit is not None and limit < 1:
            raise InputError(f"limit {limit}", "leaves nothing to do", "ask for at least 1")
        return items(self.content.rows(self.name, limit))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Every word that it shows to a model, in lower case and order of appearance."""
        return words_of(self.expand())


def names(store: Path | None = None) -> list[str]:
    """The studies that ship, then those in the folder `studies` beside `store`."""
    found = (path.stem for folder in _folders(store) for path in sorted(folder.glob("*.toml")))
    return list(dict.fromkeys(found))


def load(name: str | Path, store: Path | None = None, model: str = "") -> Study:
    """The study `name`, one of `names`, or the one in a file that ends in `.toml`.

    Where there is one of that name for `model` alone, that is it: `gender` of the embedded model is `embedded-gender`.

    Raises
    ------
    InputError: there is none, or its file is wrong: the text names file, place, cause and mend.
    """
    own = f"{model}-{name}"
    path = _path(own if own in names(store) else name, store)
    shipped = SHIPPED / path.name
    if shipped.exists() and path.resolve() != shipped.resolve():
        raise InputError(str(path), f"a study that ships is called {path.stem} too", "rename the file")
    return _read_shipped(path) if path == shipped else _read(path)


@cache
def _read_shipped(path: Path) -> Study:
    return _read(path)


def _read(path: Path) -> Study:
    if not NAME.fullmatch(path.stem):
        raise InputError(str(path), "its name has more than letters, digits, - and _", "rename the file")
    table = Table.read(path)
    title, question, kind = (table.text(key) for key in ("title", "question", "kind"))
    if kind not in KINDS:
        raise table.wrong("kind", f"{kind!r} is not known", f"use one of {', '.join(KINDS)}")
    model, guidance = table.text("model", ""), float(table.number("guidance", 1.0))
    seeds, noises = _seeds(table), table.whole("noises", 256)
    content = KINDS[kind].read(table)
    published = None
    if isinstance(content, Bias) and "published" in table:
        published = Published.read(table.table("published"), content.attributes, content.subjects)
    table.finish()
    return Study(path.stem, title, question, kind, content, model, seeds, guidance, noises, published)


def _folders(store: Path | None) -> list[Path]:
    return [SHIPPED] if store is None else [SHIPPED, store.absolute().parent / "studies"]


def _path(name: str | Path, store: Path | None) -> Path:
    if Path(name).suffix == ".toml":
        return Path(name)
    for folder in reversed(_folders(store)):
        if (path := folder / f"{name}.toml").is_file():
            return path
    raise InputError(f"study {str(name)!r}", "not known", f"name a .toml file or one of {', '.join(names(store))}")


def _seeds(table: Table) -> tuple[int, ...]:
    """How many images of each prompt, or which."""
    given = table.values.get("seeds")
    if not isinstance(given, list):
        return tuple(range(table.whole("seeds", 4)))
    if not given or not all(type(seed) is int and seed >= 0 for seed in given) or len({*given}) < len(given):
        raise table.wrong("seeds", "not a list of different numbers from 0 up", "write seeds = 8 or seeds = [0, 1]")
    table.asked["seeds"] = None
    return tuple(given)
