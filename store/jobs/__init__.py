"""Work that is wanted, and where it stands: what dashboards and commands ask for, and workers do."""

from store.jobs.picture import SUFFIXES, Picture
from store.jobs.queue import LATER, SOON, Queue
from store.jobs.record import LOST, Failure, Job, Pace, Progress, Worker
from store.jobs.schema import NAME
from store.jobs.specification import Question, Wanted
from store.jobs.states import ACTIVE, NEXT, State

__all__ = [
    "ACTIVE",
    "LATER",
    "LOST",
    "NAME",
    "NEXT",
    "SOON",
    "SUFFIXES",
    "Failure",
    "Job",
    "Pace",
    "Picture",
    "Progress",
    "Question",
    "State",
    "Wanted",
    "Worker",
    "Queue",
]
