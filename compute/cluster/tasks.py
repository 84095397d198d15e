"""What a Dask worker is asked to do: load a model once, and measure work items with it.

A process measures one item at a time, as its one model is shared. The libraries of the models are imported where they
are used alone, not where tasks are handed out.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from distributed import get_worker

from compute.planning.work import WorkItem
from store.errors import InputError
from store.prompts.model_cards import ModelCard
from store.records import RunRecord

if TYPE_CHECKING:
    from compute.engine import Engine

TOPIC = "diffusionpid-units"
PULSE = 0.5  # seconds between two words about how far an item is


@dataclass(frozen=True)
class Source:
    """Which weights, and how they compute. A device that is None is chosen by each process.

    `cache` is where the fastest batch and precision are remembered; with a `dtype`, neither is looked for.
    """

    model: str
    revision: str | None = None
    dtype: str | None = None
    device: str | None = None
    cache: Path | None = None


@dataclass(frozen=True)
class MeasuredItem:
    """A finished work item, and what it took."""

    record: RunRecord
    evaluations: int
    seconds: float


_turn = Lock()
_held: dict[Source, "_Held"] = {}
_stopped: set[str] = set()


class _Stopped(Exception):
    """The ticket of what is being measured was stopped."""


def describe(source: Source) -> ModelCard:
    """Load the model, anew if it has other weights by now, and say how it reads.

    Raises
    ------
    InputError: it cannot be loaded.
    """
    with _turn:
        if source in _held and _held[source].card.revision != _revision(source):
            _held.clear()
        return _loaded(source).card


def measure(source: Source, item: WorkItem, ticket: str) -> MeasuredItem | None:
    """Measure `item` with the very weights that it was planned for; return None if `ticket` was stopped meanwhile.

    Raises
    ------
    InputError: as `Engine.measure`, or the model has other weights now.
    """
    with _turn:
        if source in _held and _held[source].card.revision != item.key.revision:
            _held.clear()
        held = _loaded(source)
        if held.card.revision != item.key.revision:
            cause = f"its weights are those of revision {held.card.revision} now, not of {item.key.revision}"
            raise InputError(f"model {source.model}", cause, "retry the job")
        began = told = time.monotonic()
        spent = 0

        def report(evaluations: int) -> None:
            nonlocal spent, told
            if ticket in _stopped:
                raise _Stopped
            first, spent = not spent and evaluations > 0, evaluations
            if first or time.monotonic() - told > PULSE:
                told = time.monotonic()
                get_worker().log_event(TOPIC, {"ticket": ticket, "evaluations": evaluations})

        try:
            *_, record = held.engine.measure(item, report)
        except _Stopped:
            return None
        return MeasuredItem(record, spent, time.monotonic() - began)


def stop(tickets: list[str]) -> None:
    """Let the items of `tickets` end at their next batch; to be run beside the tasks of a worker, not as one."""
    _stopped.update(tickets)


@dataclass(frozen=True)
class _Held:
    engine: "Engine"
    card: ModelCard


def _loaded(source: Source) -> _Held:
    """The model, loaded if it is not; another that was makes room first."""
    from compute.engine import Engine
    from compute.models import registry

    if source not in _held:
        _held.clear()
        device = source.device or _device()
        denoiser = registry.load(source.model, source.revision, source.dtype, device, source.cache)
        cache = source.cache if source.dtype is None else None
        _held[source] = _Held(Engine(denoiser, cache), registry.card(denoiser, source.model))
    return _held[source]


def _revision(source: Source) -> str:
    """The revision that a load would find now."""
    from compute.models import registry

    return registry.revision_of(source.model, source.revision, source.cache)


def _device() -> str | None:
    """Where there are several GPUs, the one of this worker's number: local workers are numbered from 0."""
    import torch

    name, count = str(get_worker().name), torch.cuda.device_count()
    return f"cuda:{int(name) % count}" if name.isdigit() and count > 1 else None
