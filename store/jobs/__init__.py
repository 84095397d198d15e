"""The queue of a store: what dashboards and commands ask for, what workers do, and how far it is."""

from store.jobs.picture import SUFFIXES, Picture
from store.jobs.queue import LATER, SOON, Queue
from store.jobs.record import LOST, Failure, Job, Pace, Progress, WorkerStatus
from store.jobs.request import Budget, Request, check_noises
from store.jobs.schema import NAME
from store.jobs.specification import JobSpec
from store.jobs.states import ACTIVE, NEXT, State

__all__ = [
    "ACTIVE",
    "Budget",
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
    "Request",
    "State",
    "JobSpec",
    "WorkerStatus",
    "Queue",
    "check_noises",
]
