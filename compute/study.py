"""A whole study: prompt after prompt through the engine, each left out that is there already."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from compute import engine
from compute.engine import Engine, Progress
from compute.planning.plan import Cost, plan
from compute.planning.request import Request
from store.errors import InputError
from store.records import RunRecord


@dataclass(frozen=True)
class Outlook:
    """What a study asks for, and what of it is still to be done."""

    prompts: int
    open: int  # prompts that lack something
    evaluations: int  # at most, for what is open


@dataclass(frozen=True)
class Failed:
    """A prompt that could not be computed, and why; the others go on."""

    prompt: str
    reason: InputError


def run(machine: Engine, requests: Sequence[Request], root: Path) -> Iterator[Outlook | Progress | Failed | RunRecord]:
    """Compute all `requests` into the store `root`: yields the outlook, progress over all of it, each prompt's record.

    What is there already is not computed again, so a study that was interrupted goes on where it was. Prompts that
    cannot be computed are named right after the outlook, before anything is spent.

    Raises
    ------
    StoreError: the store cannot be read or written.
    """
    costs = [_cost(machine, request, root) for request in requests]
    total = sum(cost.evaluations for cost in costs if isinstance(cost, Cost))
    yield Outlook(len(requests), sum(isinstance(cost, Failed) or cost.images > 0 for cost in costs), total)
    yield from (cost for cost in costs if isinstance(cost, Failed))
    done = 0
    for request, cost in zip(requests, costs, strict=True):
        if isinstance(cost, Failed):
            continue
        try:
            for step in engine.run(machine, request, root):
                if isinstance(step, Progress):
                    yield Progress(done + step.done, total, f"{request.prompt}: {step.doing}")
                elif isinstance(step, RunRecord):
                    yield step
        except InputError as error:
            yield Failed(request.prompt, error)
        done += cost.evaluations


def _cost(machine: Engine, request: Request, root: Path) -> Cost | Failed:
    """What a prompt will cost, or why it cannot be computed."""
    try:
        return plan(machine.denoiser, machine.levels, request, root).cost
    except InputError as error:
        return Failed(request.prompt, error)
