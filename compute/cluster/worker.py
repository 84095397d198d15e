"""Takes jobs from a store's queue, has their work items measured by a pool, and alone writes what comes back."""

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread

from distributed import Future, KilledWorker

from compute.cluster import tasks
from compute.cluster.job import InFlight, RunningJob
from compute.cluster.pool import KILLS, Pool
from compute.cluster.tasks import MeasuredItem, Source
from compute.planning.work import WorkItem
from store import hdf5, jobs
from store.errors import DiffusionPIDError, InputError, StoreError
from store.jobs import ACTIVE, Failure, Queue, State
from store.prompts import model_cards
from store.prompts.model_cards import ModelCard

TICK = 0.2  # seconds that it waits for an item before it looks at everything else
REPORT = 0.7  # seconds between two looks at the queue
SLICE = 0.5  # seconds that it plans at a stretch
BEAT = 2.0  # seconds


class Worker:
    """One that works on the jobs of the store in folder `root`.

    No more items are handed out than `pool` can measure at once: the next one is always of the most urgent job.
    """

    def __init__(self, root: Path, pool: Pool, cache: Path, device: str | None = None):
        self.root, self.pool, self.cache, self.device = root, pool, cache, device
        self.queue = Queue(root)
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self.running: list[RunningJob] = []  # the most urgent first
        self._cards: dict[Source, ModelCard] = {}
        self._asked: dict[Source, Future] = {}  # for their cards
        self._landed: SimpleQueue[tuple[RunningJob, str]] = SimpleQueue()
        self._tickets, self._slots, self._reported = 0, pool.slots, 0.0

    def work(self, stop: Event, until_empty: bool = False, model: str = "") -> Iterator[str]:
        """Work until `stop` is set, or with `until_empty` until no job waits or runs; yields what happens, in lines.

        `model` is loaded at once, before a job asks for it. What was being measured at the end goes back to the queue.

        Raises
        ------
        StoreError: the queue cannot be read or written. InputError: the pool's scheduler is gone.
        """
        self.pool.client.subscribe_topic(tasks.TOPIC, self._hear)
        wanted = Source(model, device=self.device, cache=self.cache) if model else None
        with self._beating():
            while not stop.is_set():
                wanted = self._load(wanted)
                yield from self._report()
                yield from self._take()
                yield from self._hand_out()
                yield from self._collect()
                yield from self._finish()
                if until_empty and not self.running and not self.queue.jobs(ACTIVE, 1):
                    return

    @contextmanager
    def _beating(self) -> Iterator[None]:
        """Say that this worker is alive, beside whatever it does; at the end let go of all that it has."""
        ended = Event()

        def beat() -> None:
            with suppress(StoreError):
                self.queue.beat(jobs.WorkerStatus(self.name, self.pool.about, self._slots, time.time()))

        def go_on() -> None:
            while not ended.wait(BEAT):
                beat()

        thread = Thread(target=go_on, daemon=True)
        beat()
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            try:
                for running in list(self.running):
                    self._drop(running)
            finally:
                self.queue.release(self.name)

    def _report(self) -> Iterator[str]:
        """Now and then: write down how far jobs are, and let go of those that were cancelled or lost."""
        if time.monotonic() - self._reported < REPORT:
            return
        self._reported, self._slots = time.monotonic(), self.pool.slots
        for running in list(self.running):
            state = self.queue.report(running.job, running.progress)
            if state != State.RUNNING:
                self._drop(running)
                self.queue.finish(running.job)
                yield f"job {running.job.number}: {'cancelled' if state else 'taken over by another worker'}"

    def _take(self) -> Iterator[str]:
        """Take the next job if nothing is left to hand out, or if it is more urgent than what is."""
        handing_out = [running.job.priority for running in self.running if running.open]
        job = self.queue.take(self.name, max(handing_out, default=None))
        if job is None:
            self.pool.want(bool(self.running))
            return
        self.pool.want(True)
        yield f"job {job.number}: {job.wanted.title}"
        try:
            running = RunningJob.of(job, self.queue.picture(job.number), self.root, self.cache, self.device)
        except DiffusionPIDError as error:
            self.queue.finish(job, str(error))
            yield f"job {job.number}: {error}"
            return
        self.running.append(running)
        self.running.sort(key=lambda one: (-one.job.priority, one.job.number))

    def _hand_out(self) -> Iterator[str]:
        """Give every free slot an item of the most urgent job that has one."""
        until = time.monotonic() + SLICE
        for running in list(self.running):
            try:
                if running.coming is None and (card := self._card(running.source)):
                    running.coming = running.items(card, self.root)
                while running.coming and running.open and self._free() and time.monotonic() < until:
                    if item := next(running.coming, None):
                        self._launch(running, item)
                    while running.failures:
                        self.queue.fail(running.job, running.failures.pop(0))
            except DiffusionPIDError as error:
                yield self._give_up(running, error)

    def _free(self) -> bool:
        return sum(len(running.in_flight) for running in self.running) < self._slots

    def _load(self, source: Source | None) -> Source | None:
        """Have `source` loaded, if there is one; gives it back for as long as that takes."""
        try:
            return None if source is None or self._card(source) else source
        except DiffusionPIDError:  # a job that asks for it says so
            return None

    def _card(self, source: Source) -> ModelCard | None:
        """How the model reads, once a process has loaded it; raises InputError if it cannot be loaded."""
        if source in self._cards:
            return self._cards[source]
        if source not in self._asked:
            self._asked[source] = self.pool.client.submit(tasks.describe, source, pure=False)
        asked = self._asked[source]
        if not asked.done():
            return None
        del self._asked[source]
        if asked.status != "finished":
            raise _trouble(asked)
        self._cards[source] = asked.result()
        model_cards.publish(self.root, self._cards[source])
        return self._cards[source]

    def _launch(self, running: RunningJob, item: WorkItem) -> None:
        self._tickets += 1
        ticket = f"{self.name}-{self._tickets}"
        future = self.pool.client.submit(tasks.measure, running.source, item, ticket, key=ticket, pure=False)
        running.in_flight[ticket] = InFlight(item, future)
        future.add_done_callback(lambda _: self._landed.put((running, ticket)))

    def _hear(self, event: tuple[float, dict]) -> None:
        """A process says how far one of its items is; in the client's own thread."""
        _, told = event
        for running in list(self.running):
            if flying := running.in_flight.get(told["ticket"]):
                flying.evaluations = told["evaluations"]

    def _collect(self) -> Iterator[str]:
        """Write what came back; if nothing did, wait a moment for it."""
        timeout: float | None = TICK
        with suppress(Empty):
            while True:
                running, ticket = self._landed.get(timeout=timeout) if timeout else self._landed.get_nowait()
                timeout = None
                if flying := running.in_flight.pop(ticket, None):
                    try:
                        self._land(running, flying)
                    except StoreError as error:
                        yield self._give_up(running, error)

    def _land(self, running: RunningJob, flying: InFlight) -> None:
        """Publish what was measured, or write down why it was not; raises StoreError if the store takes nothing."""
        item, future = flying.item, flying.future
        if future.status != "finished":
            running.failed += 1
            self.queue.fail(running.job, Failure(item.key.prompt, item.seed, str(_trouble(future))))
            return
        measured: MeasuredItem = future.result()
        future.release()
        path = hdf5.path_of(self.root, measured.record.key)
        before = path.stat().st_size if path.exists() else 0
        size = hdf5.publish(self.root, measured.record).stat().st_size - before
        running.done += 1
        running.fresh += 1
        running.evaluations += measured.evaluations
        model = running.job.wanted.model
        self.queue.keep_pace(model, measured.evaluations, measured.seconds, max(0, size), len(item.pairs))

    def _finish(self) -> Iterator[str]:
        """End the jobs that have nothing left."""
        for running in [one for one in self.running if not one.open and not one.in_flight]:
            self.running.remove(running)
            self.queue.report(running.job, running.progress)
            self.queue.finish(running.job, running.reason)
            yield f"job {running.job.number}: {running.reason or 'done'}"

    def _give_up(self, running: RunningJob, error: DiffusionPIDError) -> str:
        """End a job that cannot go on."""
        self._drop(running)
        self.queue.finish(running.job, str(error))
        return f"job {running.job.number}: {error}"

    def _drop(self, running: RunningJob) -> None:
        """Let what is in flight for a job end: what waits at once, what is being measured at its next batch."""
        self.running.remove(running)
        tickets, futures = list(running.in_flight), [flying.future for flying in running.in_flight.values()]
        running.in_flight.clear()
        if tickets:
            with suppress(OSError, TimeoutError):  # a scheduler that is gone has nothing to let end
                self.pool.client.cancel(futures)
                self.pool.client.run(tasks.stop, tickets, on_error="ignore")


def _trouble(future: Future) -> DiffusionPIDError:
    """Why a task came to nothing."""
    if future.cancelled():
        return InputError("Dask", "the scheduler lost it", "see that its scheduler runs, then retry")
    error = future.exception()
    if isinstance(error, DiffusionPIDError):
        return error
    if isinstance(error, KilledWorker):
        return InputError("process", f"it ended {KILLS} times over this", "give it more memory, then retry")
    text = " ".join(str(error).split())[:300]
    return InputError(type(error).__name__, text, "see the log of the worker")
