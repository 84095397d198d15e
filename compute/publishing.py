"""Results are written by a thread, while the next ones are measured."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from store import hdf5
from store.prompts import densities
from store.records import RunRecord


class Publisher:
    """Publishes records into the store `root`, one after the other, beside whatever its block does.

    All that was handed over is in the store when the block ends. What could not be written is raised there or before,
    as StoreError or InputError, and in place of later errors of the block.
    """

    def __init__(self, root: Path):
        self.root = root
        self._thread = ThreadPoolExecutor(1, "publishing")
        self._last: Future | None = None

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self._thread.shutdown()
        if kind is None or issubclass(kind, Exception):
            self._settle()

    def publish(self, record: RunRecord) -> None:
        """Have `record` written; waits for what was handed over before."""
        self._settle()
        self._last = self._thread.submit(hdf5.publish, self.root, record)

    def learn(self, record: RunRecord) -> None:
        """Have the density of the model of `record` learn from its images, once all that was handed over is there."""
        self._last = self._thread.submit(self._learn, record, self._last)

    def check(self) -> None:
        """Raise at once what is known to have failed."""
        if self._last and self._last.done():
            self._settle()

    def _learn(self, record: RunRecord, before: Future | None) -> None:
        if before:
            before.result()
        densities.learn(self.root, record)

    def _settle(self) -> None:
        last, self._last = self._last, None
        if last:
            last.result()
