"""What a Dask worker is asked to do: load a model once, and measure units with it.

A process measures one unit at a time, as its one model is shared. The libraries of the models are imported where they
are used alone, not where tasks are handed out.
"""

import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from distributed import get_worker

from compute.planning.request import Request
from compute.planning.work import Unit
from store.prompts.model_cards import ModelCard
from store.records import RunRecord

if TYPE_CHECKING:
    from compute.engine import Engine

TOPIC = "diffusionpid-units"
PULSE = 0.5  # seconds between two words about how far a unit is


@dataclass(frozen=True)
class Source:
    """Which weights, where and how they compute; a device that is None is chosen by each worker."""

    model: str
    revision: str | None = None
    dtype: str | None = None
    device: str | None = None


@dataclass(frozen=True)
class Measured:
    """A finished unit, and what it took."""

    record: RunRecord
    evaluations: int
    seconds: float


_turn = Lock()
_held: dict[Source, "_Held"] = {}
_stopped: set[str] = set()


def describe(source: Source) -> ModelCard:
    """Load the model and say how it reads; raises InputError if it cannot be loaded."""
    with _turn:
        return _loaded(source).card


def measure(source: Source, unit: Unit, request: Request, ticket: str) -> Measured | None:
    """Measure `unit`; None if `ticket` was stopped meanwhile. Raises as `Engine.measure` does."""
    with _turn:
        began = told = time.monotonic()
        for step in _loaded(source).engine.measure(unit, request):
            if ticket in _stopped:
                return None
            if isinstance(step, RunRecord):
                record = step
                continue
            evaluations = step
            if time.monotonic() - told > PULSE:
                told = time.monotonic()
                get_worker().log_event(TOPIC, {"ticket": ticket, "evaluations": step})
        return Measured(record, evaluations, time.monotonic() - began)


def stop(tickets: list[str]) -> None:
    """Let the units of `tickets` end at their next batch; to be run beside the tasks of a worker, not as one."""
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
        denoiser = registry.load(source.model, source.revision, source.dtype, source.device or _device())
        _held[source] = _Held(Engine(denoiser), registry.card(denoiser, source.model))
    return _held[source]


def _device() -> str | None:
    """Where there are several GPUs, the one of this worker's number: local workers are numbered from 0."""
    import torch

    name, count = str(get_worker().name), torch.cuda.device_count()
    return f"cuda:{int(name) % count}" if name.isdigit() and count > 1 else None
