"""The states of a job, and which may follow which."""

from enum import StrEnum


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DONE = "done"


ACTIVE = (State.QUEUED, State.RUNNING, State.CANCELLING)
NEXT = {
    State.QUEUED: {State.RUNNING, State.CANCELLED},
    State.RUNNING: {State.QUEUED, State.CANCELLING, State.FAILED, State.DONE},  # back to the queue if its worker ends
    State.CANCELLING: {State.CANCELLED},
    State.CANCELLED: {State.QUEUED},
    State.FAILED: {State.QUEUED},
    State.DONE: set(),
}
