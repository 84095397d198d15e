"""A whole study: prompt after prompt through the engine, each left out that is there already."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from compute.engine import Engine, EvaluationProgress, Report
from store.errors import InputError
from store.jobs import Request


@dataclass(frozen=True)
class StudyCost:
    """What a study asks for, and what of it is still to be done."""

    prompts: int
    open: int  # prompts that lack something
    evaluations: int  # at most, for what is open


@dataclass(frozen=True)
class FailedPrompt:
    """A prompt that could not be computed, and why; the others go on."""

    prompt: str
    reason: InputError


def survey(engine: Engine, requests: Sequence[Request], root: Path) -> tuple[StudyCost, list[FailedPrompt]]:
    """Return what all `requests` cost, and the prompts that cannot be computed, before anything is spent.

    Raises
    ------
    StoreError: the store cannot be read.
    """
    open_, evaluations, failed = 0, 0, []
    for request in requests:
        try:
            cost = engine.plan(request, root).cost
        except InputError as error:
            failed.append(FailedPrompt(request.prompt, error))
            continue
        open_ += cost.images > 0
        evaluations += cost.evaluations
    return StudyCost(len(requests), open_ + len(failed), evaluations), failed


def run(
    engine: Engine,
    requests: Sequence[Request],
    root: Path,
    report: Report = lambda _: None,
    fail: Callable[[FailedPrompt], None] = lambda _: None,
) -> None:
    """Compute all `requests` into the store `root`; `fail` is told of prompts that cannot be computed.

    What is there already is not computed again, so a study that was interrupted goes on where it was. A prompt is
    planned when its turn comes: what is known of the images of all prompts would not fit into memory at once.

    Raises
    ------
    StoreError: the store cannot be read or written.
    """
    done = 0
    for request in requests:
        try:
            planned = engine.plan(request, root)

            def tell(step: EvaluationProgress, before: int = done, prompt: str = request.prompt) -> None:
                report(EvaluationProgress(before + step.done, step.total, f"{prompt}: {step.doing}"))

            engine.run(planned, root, tell)
            done += planned.cost.evaluations
        except InputError as error:
            fail(FailedPrompt(request.prompt, error))
