"""The commands that compute in their own process: `run` and `study`."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from compute.commands import arguments, output
from store import hdf5
from store.jobs import Picture, Request
from store.pid.information import LEVELS
from store.prompts import model_cards
from store.prompts.conditions import unseen
from store.prompts.model_cards import ModelCard
from store.records import RunRecord
from store.settings import Settings

if TYPE_CHECKING:
    from compute.engine import Engine
    from compute.models.replay.adapter import PipelineAdapter


def add(commands, defaults: Settings) -> None:
    """Add the commands to the subparsers `commands`."""
    run = commands.add_parser("run", help="one prompt, a pair of words or all of them, several images")
    arguments.add_model(run, defaults)
    arguments.add_device(run, defaults)
    arguments.add_prompt(run)
    run.add_argument("--level", choices=tuple(LEVELS), default="pixel", help="of the totals printed: %(default)s")
    run.add_argument("--json", action="store_true", help="print the totals as JSON")
    run.set_defaults(command=_run)

    study = commands.add_parser("study", help="all prompts of a study; what is there already is left out")
    arguments.add_model(study, defaults)
    arguments.add_device(study, defaults)
    arguments.add_study(study)
    study.set_defaults(command=_study)


def _run(given: argparse.Namespace) -> int:
    spec = arguments.of_prompt(given)
    (request,) = spec.requests(given.store, Picture.read(given.image) if given.image else None)
    hdf5.check_writable(given.store)
    record = _stored(given, request) or _computed(given, request)
    results = [result for result in record.pairs if result.pair in request.pairs]
    if given.json:
        print(json.dumps(output.as_json(results, given.level)))
    else:
        output.print_results(record, results, given.level)
    return 0


def _stored(given: argparse.Namespace, request: Request) -> RunRecord | None:
    """What the store has of the prompt, if that is all: told from the model's card, so that no weights are loaded."""
    card = _card(given)
    if card is None or card.shorter_tokenizers:  # what such a one cuts off, its text encoders say
        return None
    import torch

    from compute.estimation.noise_levels import NoiseLevels
    from compute.models import registry
    from compute.planning.plan import plan

    if registry.revision_of(card.source, given.revision, given.cache) != card.revision:
        return None
    levels = NoiseLevels.of(torch.tensor(card.log_snr, dtype=torch.float64))
    planned = plan(card, levels, request, given.store)
    if planned.items:
        return None
    _print_notes(card, [request])
    output.print_cost(planned.cost)
    if planned.relabelled:
        hdf5.publish(given.store, planned.relabelled)
    return hdf5.read(hdf5.path_of(given.store, planned.key))


def _computed(given: argparse.Namespace, request: Request) -> RunRecord:
    """All there is of the prompt, once what is missing is computed."""
    engine, card = _engine(given, [request])
    planned = engine.plan(request, given.store)
    output.print_cost(planned.cost)
    with output.ProgressBar() as bar:
        record = engine.run(planned, given.store, bar.show)
    _keep_card(given, card)
    return record


def _keep_card(given: argparse.Namespace, card: ModelCard) -> None:
    """Write down in the store how the model reads, unless that is there."""
    if card != _card(given):
        model_cards.publish(given.store, card)


def _card(given: argparse.Namespace) -> ModelCard | None:
    """The card of the model asked for, if the store has it."""
    cards = map(model_cards.load, model_cards.paths(given.store))
    return next((card for card in cards if card and card.source == arguments.model_of(given)), None)


def _study(given: argparse.Namespace) -> int:
    from compute import study

    spec = arguments.of_study(given)
    requests = spec.requests(given.store)
    hdf5.check_writable(given.store)
    engine, card = _engine(given, requests)
    cost, failed = study.survey(engine, requests, given.store)
    about = f"{cost.prompts} prompts, {cost.open} of them open: {cost.evaluations:,} evaluations at most"
    print(f"{spec.title}: {about}", file=sys.stderr)
    for prompt in failed:
        print(f"error: {prompt.reason}", file=sys.stderr)
    unreadable = {prompt.prompt for prompt in failed}
    possible = [request for request in requests if request.prompt not in unreadable]
    with output.ProgressBar(cost.evaluations) as bar:

        def fail(prompt: study.FailedPrompt) -> None:
            bar.say(f"error: {prompt.reason}")
            failed.append(prompt)

        study.run(engine, possible, given.store, bar.show, fail)
    _keep_card(given, card)
    table = ["python", "-m", "store", "table", given.study, "--model", engine.denoiser.name]
    table += [] if given.guidance is None else ["--guidance", f"{given.guidance:g}"]
    print(f"see it by: {shlex.join([*table, '--store', str(given.store)])}")
    return 1 if failed else 0


def _engine(given: argparse.Namespace, requests: Sequence[Request]) -> tuple["Engine", ModelCard]:
    """The engine of the model asked for, and its card; says on standard error what is to be known of it."""
    from compute.engine import Engine
    from compute.models import registry

    denoiser = registry.load(arguments.model_of(given), given.revision, given.dtype, given.device, given.cache)
    _print_notes(denoiser, requests)
    for note in dict.fromkeys(short for request in requests for short in denoiser.cut_off(request.prompt)):
        _print_note(denoiser, note)
    engine = Engine(denoiser, given.cache if given.dtype is None else None)
    return engine, registry.card(denoiser, arguments.model_of(given))


def _print_notes(model: "PipelineAdapter | ModelCard", requests: Sequence[Request]) -> None:
    """Say which words of `requests` the model never saw, and what a reader of its results has to know."""
    words = " ".join(dict.fromkeys(word for request in requests for word in request.words))
    if strange := unseen(words, model):
        print(
            f"note: model {model.name} was never trained with {', '.join(map(repr, strange))}; "
            "what it makes of them is chance",
            file=sys.stderr,
        )
    for note in model.notes:
        _print_note(model, note)


def _print_note(model: "PipelineAdapter | ModelCard", note: str) -> None:
    print(f"note: model {model.name}: {note}", file=sys.stderr)
