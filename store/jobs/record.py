"""Jobs and workers as they are read."""

import time
from dataclasses import dataclass
from datetime import datetime

from store.jobs.specification import JobSpec
from store.jobs.states import State

LOST = 10.0  # seconds without a beat, after which a worker counts as dead
SETTLED = 5.0  # seconds that a job has to be measured before they tell how long it will take


@dataclass(frozen=True)
class Progress:
    """How far a job is, in units of one image of one prompt; `fresh` and what follows count this attempt alone.

    `done` lie in the store, `fresh` of them were measured now, `partial` is the share done of those that are being
    measured, in units.
    """

    units: int = 0
    done: int = 0
    failed: int = 0
    fresh: int = 0
    partial: float = 0.0
    evaluations: int = 0


@dataclass(frozen=True)
class Job:
    """What somebody asked for, and where it stands. Times are UTC, ISO 8601, empty where not reached.

    `began` is when the first evaluation was made, or before it when a worker took the job.
    """

    number: int
    wanted: JobSpec
    author: str
    priority: int
    state: State
    reason: str  # why it failed
    created: str
    began: str
    ended: str
    worker: str
    progress: Progress

    @property
    def share(self) -> float:
        """How much of it is done or has failed, in [0, 1]."""
        units = self.progress.units
        settled = self.progress.done + self.progress.failed + self.progress.partial
        return min(1.0, settled / units) if units else float(self.state == State.DONE)

    @property
    def seconds(self) -> float:
        """How long it has been measured, or was; 0 while it waits, as after the death of its worker."""
        if not self.began or not (self.ended or self.state in (State.RUNNING, State.CANCELLING)):
            return 0.0
        until = datetime.fromisoformat(self.ended).timestamp() if self.ended else time.time()
        return max(0.0, until - datetime.fromisoformat(self.began).timestamp())

    @property
    def rate(self) -> float | None:
        """Evaluations a second in this attempt; None where it is too short to say."""
        return self.progress.evaluations / self.seconds if self.progress.evaluations and self.seconds >= 1 else None

    @property
    def seconds_left(self) -> float | None:
        """How long it will still take at the pace so far; None where that is not known yet."""
        progress, measured = self.progress, self.progress.fresh + self.progress.partial
        if self.state != State.RUNNING or not measured or self.seconds < SETTLED:
            return None
        left = progress.units - progress.done - progress.failed - progress.partial
        return max(0.0, left * self.seconds / measured)


@dataclass(frozen=True)
class Failure:
    """Something of a job that could not be measured: one image, or all of a prompt where `seed` is None."""

    prompt: str
    seed: int | None
    reason: str


@dataclass(frozen=True)
class WorkerStatus:
    """A process that takes jobs: alive while it says so."""

    name: str
    place: str
    slots: int  # units at once
    beat: float  # Unix time

    @property
    def alive(self) -> bool:
        """Whether it said so lately."""
        return abs(time.time() - self.beat) < LOST


@dataclass(frozen=True)
class Pace:
    """What a model's units have cost lately: evaluations a second of one slot, and bytes of one pair and image."""

    rate: float
    size: float
