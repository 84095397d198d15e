"""The catalogue of a store: asked by pages and commands, brought in step with the files at every look."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator
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
ANY = Filter()
NO_LABEL = Label("", "", "")


class Catalogue:
    """The catalogue of the store in folder `root`; where that cannot be written it lies in the cache, or in memory.

    It may be deleted at any time. Every method first brings it in step with the files, and raises StoreError where it
    can be neither read nor written.
    """

    def __init__(self, root: Path):
        self.root = root

    def stamp(self) -> tuple:
        """What changes with what is there: whatever was read of the catalogue may be kept under it."""
        folders, now = index.folders(self.root), time.time_ns()
        settled = all(now - modified > index.SETTLED for modified in folders.values())
        return hashlib.sha256(repr(sorted(folders.items())).encode()).hexdigest(), 0 if settled else now

    def prepare(self) -> Iterator[tuple[int, int]]:
        """Build it where there is none, which takes long in a large store; yields (files done, files in all)."""
        return self._built(anew=False)

    def rebuild(self) -> Iterator[tuple[int, int]]:
        """Read all files anew; yields (files done, files in all).

        Until the last one is read, and if this is not read to its end, the catalogue stays as it is.
        """
        return self._built(anew=True)

    def page(
        self, filter: Filter = ANY, sort: str = "created", descending: bool = True, limit: int = 50, offset: int = 0
    ) -> list[Entry]:
        """At most `limit` entries after the first `offset`, in the order of `sort`; what has no value comes last.

        Raises
        ------
        InputError: `sort` is none of created, prompt, pair, seeds and the quantities.
        """
        return self._ask(lambda database: query.page(database, self.root, filter, sort, descending, limit, offset))

    def entries(self, filter: Filter = ANY) -> Iterator[Entry]:
        """All that `filter` means, newest first; read in portions, so that nobody who writes has to wait."""
        for found in self._chunks(filter):
            yield from found.values()

    def samples(self, filter: Filter = ANY) -> pd.DataFrame:
        """One row an entry's label, image, measure and level: what was measured of single images, in nats.

        At the level *prompt* the row is about all images together: it has no seed, and information is their mean.
        Columns are `store.catalogue.images.COLUMNS`. An entry without a label has one row with empty texts; of labels
        only those that `filter` means are there.
        """
        return images.table(self._sampled(filter))

    def count(self, filter: Filter = ANY) -> int:
        """How many entries `filter` means."""
        return self._ask(lambda database: query.count(database, self.root, filter))

    def summary(self, filter: Filter = ANY) -> Summary:
        """How many prompts, pairs, images and models `filter` means."""
        return self._ask(lambda database: query.summary(database, self.root, filter))

    def values(self, column: str, filter: Filter = ANY, limit: int = 200) -> list[str]:
        """The different values of a column, newest first.

        Raises
        ------
        InputError: `column` is none of model, prompt, pair, run, mode, study, attribute, subject.
        """
        return self._ask(lambda database: query.values(database, self.root, column, filter, limit))

    def broken(self) -> list[tuple[Path, str]]:
        """Files that cannot be used, each with the reason and the mend."""
        return self._ask(lambda database: query.broken(database, self.root))

    def _chunks(self, filter: Filter) -> Iterator[dict[query.Place, Entry]]:
        after, refresh = None, True
        while found := self._ask(partial(query.chunk, root=self.root, wanted=filter, after=after), refresh):
            yield found
            after, refresh = next(reversed(found)), False

    def _sampled(self, filter: Filter) -> Iterator[images.Sampled]:
        for found in self._chunks(filter):
            packed = self._ask(partial(query.sampled, numbers=[number for _, number in found]), refresh=False)
            for (_, number), entry in found.items():
                if number in packed:
                    content = images.unpacked(*packed[number])
                    for label in query.labels_meant(entry.labels, filter) or [NO_LABEL]:
                        yield entry, label, content

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
        """Where its file lies, if it is to have one."""
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
    """The catalogue of `root` where no file can hold it, as long as this process lasts."""
    return RLock(), schema.in_memory()
