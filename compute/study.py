"""A whole study: prompt after prompt through the engine, each left out that is there already."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from compute import engine
from compute.conditions import unseen
from compute.denoiser import Denoiser
from compute.engine import Cost, Progress, Request
from store.errors import InputError
from store.records import RunRecord
from store.study import Item, Study


@dataclass(frozen=True)
class Plan:
    """What a study asks for, and what of it is still to be done."""

    prompts: int
    open: int  # prompts that lack something
    evaluations: int  # at most, for what is open


@dataclass(frozen=True)
class Failed:
    """A prompt that could not be computed, and why; the others go on."""

    prompt: str
    reason: InputError


def run(
    denoiser: Denoiser, study: Study, asked: Request, root: Path, limit: int | None = None
) -> Iterator[Plan | Progress | Failed | RunRecord]:
    """Compute `study` into the store `root`: yields the plan, progress over all of it, and each prompt's record.

    `asked` says how (seeds, guidance, budget, measure, cache); its pairs and labels are those of the study. What is
    there already is not computed again, so a study that was interrupted goes on where it was.

    Raises
    ------
    InputError: the study is for another model. StoreError: the store cannot be read or written.
    """
    check_model(study, denoiser.name)
    requests = [_request(asked, item) for item in study.expand(limit)]
    costs = [_cost(denoiser, request, root) for request in requests]
    total = sum(cost.evaluations for cost in costs if isinstance(cost, Cost))
    yield Plan(len(requests), sum(isinstance(cost, Failed) or cost.images > 0 for cost in costs), total)
    done = 0
    for request, cost in zip(requests, costs, strict=True):
        if isinstance(cost, Failed):
            yield cost
            continue
        try:
            for step in engine.run(denoiser, request, root):
                if isinstance(step, Progress):
                    yield Progress(done + step.done, total, f"{request.prompt}: {step.doing}")
                elif isinstance(step, RunRecord):
                    yield step
        except InputError as error:
            yield Failed(request.prompt, error)
        done += cost.evaluations


def check_model(study: Study, model: str) -> None:
    """Raise InputError if `study` is for another model than the one of that name."""
    if study.model not in ("", model):
        raise InputError(f"study {study.name}", f"it is for model {study.model}, not {model}", "take that model")


def _request(asked: Request, item: Item) -> Request:
    return replace(asked, pairs=item.pairs, labels=item.labels)


def _cost(denoiser: Denoiser, request: Request, root: Path) -> Cost | Failed:
    """What a prompt will cost: the first thing that the engine says, before it computes."""
    try:
        steps = engine.run(denoiser, request, root)
        return next(step for step in steps if isinstance(step, Cost))
    except InputError as error:
        return Failed(request.prompt, error)


def strange_words(denoiser: Denoiser, study: Study) -> list[str]:
    """The words of `study` that the model was never trained with, as far as that is known."""
    return unseen(" ".join(study.words), denoiser)
