"""Takes jobs from a store's queue, has their work items measured by a pool, and alone writes what comes back."""

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
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
from store.prompts import densities, model_cards
from store.prompts.model_cards import ModelCard

TICK = 0.2  # seconds that it waits for an item before it looks at everything else
REPORT = 0.7  # seconds between two looks at the queue
SLICE = 0.5  # seconds that it plans at a stretch
BEAT = 2.0  # seconds
PATIENCE = 600.0  # seconds that it waits for a queue that somebody else locks
AHEAD = 1  # items that wait for each process, while it measures one
FIRST = 2 * 10**6  # priority of a look at a model, above that of any job: no item of its job can come before
LOADS = 5  # times that a model is loaded anew, each after KILLS ended processes, before its job has failed


class Worker:
    """One that works on the jobs of the store in folder `root`.

    For each item that `pool` measures another one waits with it, so that a process does not wait for its results to
    be written and the next ones to be planned. What waits there is passed by items of more urgent jobs.
    """

    def __init__(self, root: Path, pool: Pool, cache: Path, device: str | None = None):
        self.root, self.pool, self.cache, self.device = root, pool, cache, device
        self.queue = Queue(root, limited=False, patience=PATIENCE)
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self.running: list[RunningJob] = []  # the most urgent first
        self._asked: dict[Source, Future] = {}  # for their cards
        self._kills: dict[Source, int] = {}  # of processes that loaded them
        self._landed: SimpleQueue[tuple[RunningJob, str] | None] = SimpleQueue()
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
            state = self._write_down(running)
            if state != State.RUNNING:
                self.queue.finish(running.job)
                self._drop(running)
                yield f"job {running.job.number}: {'cancelled' if state else 'taken over by another worker'}"

    def _write_down(self, running: RunningJob) -> State | None:
        """Report how far a job is, and once when it began; return its state as the queue knows it."""
        if running.began:
            self.queue.begin(running.job, running.began)
            running.began, running.told = "", True
        return self.queue.report(running.job, running.progress)

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
        except Exception as error:  # one job that cannot be done must not end all others
            reason = str(_named(error))
            self.queue.finish(job, reason)
            yield f"job {job.number}: {reason}"
            return
        self.running.append(running)
        self.running.sort(key=lambda one: (-one.job.priority, one.job.number))

    def _hand_out(self) -> Iterator[str]:
        """Give every process an item of the most urgent job that has one, and let AHEAD wait."""
        until = time.monotonic() + SLICE
        for running in list(self.running):
            try:
                if running.coming is None and (card := self._card(running.source)):
                    running.coming = running.items(card, self.root)
            except DiffusionPIDError as error:
                yield self._give_up(running, error)
                continue
            while running.coming and running.open and self._free() and time.monotonic() < until:
                try:
                    item = next(running.coming, None)
                except Exception as error:  # as above
                    yield self._give_up(running, _named(error))
                    break
                if item:
                    self._launch(running, item)
                while running.failures:
                    self.queue.fail(running.job, running.failures.pop(0))

    def _free(self) -> bool:
        return sum(len(running.in_flight) for running in self.running) < self._slots * (1 + AHEAD)

    def _load(self, source: Source | None) -> Source | None:
        """Have `source` loaded, if there is one; gives it back for as long as that takes."""
        try:
            return None if source is None or self._card(source) else source
        except DiffusionPIDError:  # a job that asks for it says so
            return None

    def _card(self, source: Source) -> ModelCard | None:
        """How the model reads, once a process has loaded it; raises InputError if it cannot be loaded.

        Each job asks anew, as the files of a model may change between two. A process that is ended while it loads
        costs no job, unless that goes on.
        """
        if source not in self._asked:
            self._asked[source] = asked = self.pool.client.submit(tasks.describe, source, pure=False, priority=FIRST)
            asked.add_done_callback(lambda _: self._landed.put(None))  # so that nobody waits for it
        asked = self._asked[source]
        if not asked.done():
            return None
        del self._asked[source]
        if asked.status != "finished":
            self._kills[source] = self._kills.get(source, 0) + 1
            if not asked.cancelled() and isinstance(asked.exception(), KilledWorker) and self._kills[source] < LOADS:
                return None
            del self._kills[source]
            raise _trouble(asked)
        self._kills.pop(source, None)
        card: ModelCard = asked.result()
        model_cards.publish(self.root, card)
        return card

    def _launch(self, running: RunningJob, item: WorkItem) -> None:
        self._tickets += 1
        ticket = f"{self.name}-{self._tickets}"
        about = {"key": ticket, "pure": False, "priority": running.job.priority}
        future = self.pool.client.submit(tasks.measure, running.source, item, ticket, **about)
        running.in_flight[ticket] = InFlight(item, future)
        future.add_done_callback(lambda _: self._landed.put((running, ticket)))

    def _hear(self, event: tuple[float, dict]) -> None:
        """A process says how far one of its items is; in the client's own thread."""
        _, told = event
        for running in list(self.running):
            if flying := running.in_flight.get(told["ticket"]):
                flying.evaluations = told["evaluations"]
                if flying.evaluations and not (running.told or running.began):
                    running.began = datetime.now(UTC).isoformat(timespec="milliseconds")

    def _collect(self) -> Iterator[str]:
        """Write what came back; if nothing did, wait a moment for it."""
        timeout: float | None = TICK
        with suppress(Empty):
            while True:
                landed = self._landed.get(timeout=timeout) if timeout else self._landed.get_nowait()
                timeout = None
                if landed is None:
                    continue
                running, ticket = landed
                if flying := running.in_flight.pop(ticket, None):
                    try:
                        self._land(running, flying)
                    except StoreError as error:
                        yield self._give_up(running, error)
                    except Exception as error:  # as above
                        self._fail(running, flying, _named(error))

    def _land(self, running: RunningJob, flying: InFlight) -> None:
        """Publish what was measured, or write down why it was not; raises StoreError if the store takes nothing."""
        item, future = flying.item, flying.future
        if future.status != "finished":
            self._fail(running, flying, _trouble(future))
            return
        measured: MeasuredItem = future.result()
        future.release()
        path = hdf5.path_of(self.root, measured.record.key)
        before = path.stat().st_size if path.exists() else 0
        size = hdf5.publish(self.root, measured.record).stat().st_size - before
        densities.learn(self.root, measured.record)
        running.done += 1
        running.fresh += 1
        running.evaluations += measured.evaluations
        model = running.job.wanted.model
        self.queue.keep_pace(model, measured.evaluations, measured.seconds, max(0, size), len(item.pairs))

    def _fail(self, running: RunningJob, flying: InFlight, error: DiffusionPIDError) -> None:
        """Write down why an item was not measured; the others go on."""
        running.failed += 1
        self.queue.fail(running.job, Failure(flying.item.key.prompt, flying.item.seed, str(error)))

    def _finish(self) -> Iterator[str]:
        """End the jobs that have nothing left."""
        for running in [one for one in self.running if not one.open and not one.in_flight]:
            self._write_down(running)
            self.queue.finish(running.job, running.reason)
            self.running.remove(running)
            yield f"job {running.job.number}: {running.reason or 'done'}"

    def _give_up(self, running: RunningJob, error: DiffusionPIDError) -> str:
        """End a job that cannot go on."""
        self.queue.finish(running.job, str(error))
        self._drop(running)
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
    if isinstance(error, KilledWorker):
        return InputError("process", f"it ended {KILLS} times over this", "give it more memory, then retry")
    return _named(error)


def _named(error: BaseException | None) -> DiffusionPIDError:
    """`error` as one that says what, why and the mend in one line."""
    if isinstance(error, DiffusionPIDError):
        return error
    return InputError(type(error).__name__, " ".join(str(error).split())[:300], "see the log of the worker")
