"""The catalogue of a store, as pages and commands ask it."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import cache, partial
from pathlib import Path
from threading import RLock
from typing import TypeVar

import pandas as pd

from store import hdf5
from store.catalogue import images, index, query, schema
from store.catalogue.entry import Entry, Filter, Summary
from store.errors import StoreError
from store.records import Label

Answer = TypeVar("Answer")
Packed = TypeVar("Packed")
ANY = Filter()
NO_LABEL = Label("", "", "")


class Catalogue:
    """The catalogue of the store in folder `root`.

    It lies in that folder; where that cannot be written, in the cache, or else in memory. It may be deleted at any
    time. Every method first brings it up to date with the files, and raises StoreError where that fails.
    """

    def __init__(self, root: Path):
        self.root = root

    def stamp(self) -> tuple:
        """Return a value that changes with the store: answers may be cached under it."""
        folders, now = index.folders(self.root), time.time_ns()
        settled = all(now - modified > index.SETTLED for modified in folders.values())
        return hashlib.sha256(repr(sorted(folders.items())).encode()).hexdigest(), 0 if settled else now

    def prepare(self) -> Iterator[tuple[int, int]]:
        """Build the catalogue if there is none, which may take long; yields (files done, files in all)."""
        return self._built(anew=False)

    def rebuild(self) -> Iterator[tuple[int, int]]:
        """Build the catalogue anew from all files; yields (files done, files in all).

        The old catalogue stays until the last file is read, and for good if the caller stops before the end.
        """
        return self._built(anew=True)

    def page(
        self, filter: Filter = ANY, sort: str = "created", descending: bool = True, limit: int = 50, offset: int = 0
    ) -> list[Entry]:
        """Return at most `limit` entries after the first `offset`, in the order of `sort`; missing values come last.

        Raises
        ------
        InputError: `sort` is none of created, prompt, pair, seeds and the quantities.
        """

        def page(database: sqlite3.Connection) -> list[Entry]:
            return query.page(database, self.root, filter, sort, descending, limit, offset)

        return self._ask(lambda database: self._current(database, page, iter))

    def entries(self, filter: Filter = ANY) -> Iterator[Entry]:
        """Yield all entries that `filter` means, newest first; it reads in portions, so that no writer has to wait."""
        for found in self._chunks(filter):
            yield from found.values()

    def samples(self, filter: Filter = ANY) -> pd.DataFrame:
        """Return the totals of single images, in nats: a row for each label of an entry, image, measure and level.

        At the level *prompt* a row is about all images together: it has no seed, and information is their mean.
        Columns are `store.catalogue.images.COLUMNS`. Of the labels of an entry, those that `filter` means have rows;
        an entry without a label has rows with empty texts.
        """
        return images.table(self._sampled(filter))

    def seeds(self, filter: Filter = ANY) -> list[tuple[Entry, frozenset[int]]]:
        """Return all entries that `filter` means, newest first, each with the seeds of its images."""
        return [(entry, frozenset(images.unpack_seeds(packed))) for entry, packed in self._packed(filter, query.seeds)]

    def count(self, filter: Filter = ANY) -> int:
        """Return how many entries `filter` means."""
        return self._ask(lambda database: query.count(database, self.root, filter))

    def summary(self, filter: Filter = ANY) -> Summary:
        """Return how many prompts, pairs, images and models `filter` means."""
        return self._ask(lambda database: query.summary(database, self.root, filter))

    def values(self, column: str, filter: Filter = ANY, limit: int = 200) -> list[str]:
        """Return the different values of a column, newest first.

        Raises
        ------
        InputError: `column` is none of model, prompt, pair, run, revision, mode, study, attribute, subject.
        """
        return self._ask(lambda database: query.values(database, self.root, column, filter, limit))

    def broken(self) -> list[tuple[Path, str]]:
        """Return the files with problems, each with its problems and their mends."""
        return self._ask(lambda database: query.broken(database, self.root))

    def _chunks(self, filter: Filter) -> Iterator[dict[query.Place, Entry]]:
        after, refresh = None, True
        while True:
            chunk = partial(query.chunk, root=self.root, wanted=filter, after=after)
            found = self._ask(partial(self._current, work=chunk, entries=dict.values), refresh)
            if not found:
                return
            yield found
            after, refresh = next(reversed(found)), False

    def _sampled(self, filter: Filter) -> Iterator[images.Sampled]:
        for entry, packed in self._packed(filter, query.sampled):
            content = images.unpack(*packed)
            for label in query.labels_meant(entry.labels, filter) or [NO_LABEL]:
                yield entry, label, content

    def _packed(self, filter: Filter, kept: Callable[..., dict[int, Packed]]) -> Iterator[tuple[Entry, Packed]]:
        """Yield the entries, newest first, each with what `kept` finds of it."""
        for found in self._chunks(filter):
            packed = self._ask(partial(kept, numbers=[number for _, number in found]), refresh=False)
            for (_, number), entry in found.items():
                if number in packed:
                    yield entry, packed[number]

    def _current(
        self,
        database: sqlite3.Connection,
        work: Callable[[sqlite3.Connection], Answer],
        entries: Callable[[Answer], Iterable[Entry]],
    ) -> Answer:
        """Return the answer, once more if files of its entries were changed in place since they were read."""
        found = work(database)
        changed = index.look(database, self.root, {entry.path for entry in entries(found)})
        return work(database) if changed else found

    def _ask(self, work: Callable[[sqlite3.Connection], Answer], refresh: bool = True) -> Answer:
        with self._reported():
            try:
                return self._answer(work, refresh)
            except sqlite3.DatabaseError as error:
                if schema.damaged(error):
                    for _ in self._built(anew=True):
                        pass
                elif not schema.replaced(error):
                    raise
            return self._answer(work, refresh)

    def _answer(self, work: Callable[[sqlite3.Connection], Answer], refresh: bool) -> Answer:
        with self._opened() as database:
            database.row_factory = sqlite3.Row
            if refresh:
                index.refresh(database, self.root)
            return work(database)

    def _built(self, anew: bool) -> Iterator[tuple[int, int]]:
        place = self._place()
        if place is None:
            if anew:
                _kept.cache_clear()
            return
        with self._reported():
            yield from index.rebuild(self.root, place, anew)

    def _place(self) -> Path | None:
        """Return the place of its file, or None if it is kept in memory."""
        return schema.place(self.root) if (self.root / hdf5.MAPS).is_dir() else None

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        place = self._place()
        if place is None:
            lock, kept = _kept(self.root.absolute())
            with lock:
                yield kept
            return
        database = schema.connect(place)
        if database is None:
            for _ in index.rebuild(self.root, place, anew=False):
                pass
            database = schema.connect(place)
        if database is None:
            raise StoreError(place, "another version of the software keeps replacing it", "stop that one")
        with closing(database):
            yield database

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(self.root / schema.NAME, str(error), "try again, or delete it: it is rebuilt") from error


@cache
def _kept(root: Path) -> tuple[RLock, sqlite3.Connection]:
    """Return the catalogue of `root` in memory, and its lock; it lasts as long as this process."""
    return RLock(), schema.in_memory()
