"""Commands of `python -m compute`; each exits with 0 only when all that was asked is there."""

import argparse
import dataclasses
import json
import os
import sys
import warnings
from pathlib import Path

from store import measures, settings, trust
from store.decomposition import ALIGNMENT, PARTS
from store.errors import DiffusionPIDError
from store.information import LEVELS
from store.records import PairResult, Probe, RunRecord, TokenPair

EXIT_TROUBLE = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a trouble that a person can mend is one line on standard error."""
    _quiet()
    parser = _parser(settings.load())
    given = parser.parse_args(arguments)
    try:
        return given.command(given)
    except DiffusionPIDError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_TROUBLE
    except KeyboardInterrupt:
        print("stopped; nothing half-written was left", file=sys.stderr)
        return 130


def _parser(defaults: settings.Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m compute", description="Computes information maps into a store.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="one prompt, a pair of words or all of them, several images")
    _add_model(run, defaults)
    run.add_argument("--prompt", required=True)
    words = run.add_mutually_exclusive_group(required=True)
    words.add_argument("--pair", nargs=2, metavar=("A", "B"), help="two words of the prompt")
    words.add_argument("--probe", nargs=2, metavar=("A", "B"), help="two words that need not be in the prompt")
    words.add_argument(
        "--all-pairs", nargs="*", metavar="WORD", help="every pair of these words, or of all words of the prompt"
    )
    run.add_argument("--seeds", type=int, default=4, help="number of images (default: %(default)s)")
    run.add_argument("--image", type=Path, help="measure about this picture instead of generated ones")
    run.add_argument("--guidance", type=float, default=1.0, help="of image generation (default: %(default)s)")
    run.add_argument(
        "--noises", type=int, default=256, help="per image, at most: 64 draft, 256 result (default: %(default)s)"
    )
    run.add_argument(
        "--target-se", type=float, help="stop an image at this relative standard error of I(both), as 0.05"
    )
    run.add_argument("--estimator", choices=measures.ESTIMATORS, default=measures.ORTHOGONAL)
    run.add_argument(
        "--measure", default=measures.DEFAULT, help=f"{', '.join(measures.MEASURES)} (default: %(default)s)"
    )
    run.add_argument("--level", choices=tuple(LEVELS), default="pixel", help="of the totals printed: %(default)s")
    run.add_argument("--surprisals", nargs=2, type=float, metavar=("H1", "H2"), help="of the words, in nats, for pm")
    run.add_argument("--json", action="store_true", help="print the totals as JSON")
    run.set_defaults(command=_run)

    study = commands.add_parser("study", help="all prompts of a study; what is there already is left out")
    _add_model(study, defaults)
    study.add_argument("study", help="name of one (see `python -m store studies`), or a .toml file")
    study.add_argument("--limit", type=int, metavar="N", help="only its first N subjects or sentences")
    study.add_argument("--seeds", type=int, metavar="N", help="images of each prompt (default: what it says)")
    study.add_argument("--noises", type=int, metavar="N", help="per image, at most (default: what it says)")
    study.add_argument("--guidance", type=float, help="of image generation (default: what it says)")
    study.set_defaults(command=_study)

    models = commands.add_parser("models", help="known models and whether their weights are here")
    models.add_argument("--json", action="store_true")
    models.set_defaults(command=_models)

    verify = commands.add_parser("verify", help="hold the estimators against known truth")
    verify.add_argument("--json", action="store_true")
    verify.set_defaults(command=_verify)

    bench = commands.add_parser("bench", help="evaluations a second, bare and through the engine")
    bench.add_argument("--json", action="store_true")
    bench.set_defaults(command=_bench)

    train = commands.add_parser("train-embedded", help="train the model that ships, from emoji pictures")
    train.add_argument("--out", type=Path, required=True, help="folder for packages, checkpoints and the model")
    train.add_argument("--minutes", type=float, default=120, help="of two cores, all stages (default: %(default)s)")
    train.set_defaults(command=_train)
    return parser


def _add_model(sub: argparse.ArgumentParser, defaults: settings.Settings) -> None:
    sub.add_argument("--model", default=defaults.model, help="known name, hub id or folder (default: %(default)s)")
    sub.add_argument("--revision", help="revision of a hub model")
    sub.add_argument(
        "--dtype",
        choices=("float32", "float16", "bfloat16"),
        help="default: the fastest that agrees with float32 within half a standard error",
    )
    sub.add_argument("--device", help="default: cuda where there is one, else cpu")
    sub.add_argument("--store", type=Path, default=defaults.store, help="folder of the results (default: %(default)s)")
    sub.set_defaults(cache=defaults.cache)


def _run(given: argparse.Namespace) -> int:
    from tqdm import tqdm

    from compute import engine
    from compute.conditions import unseen
    from compute.models import registry

    request = _request(given)
    request.check(given.store)
    denoiser = registry.load(given.model, given.revision, given.dtype, given.device)
    asked = dict.fromkeys(word for pair in request.pairs for word in pair.words)
    if strange := unseen(" ".join([request.prompt, *asked]), denoiser):
        words = ", ".join(map(repr, strange))
        print(
            f"note: model {denoiser.name} was never trained with {words}; what it makes of them is chance",
            file=sys.stderr,
        )
    with tqdm(unit="eval", leave=False, delay=0.1) as bar:
        for step in engine.run(denoiser, request, given.store):
            if isinstance(step, RunRecord):
                record = step
            elif isinstance(step, engine.Cost):
                _print_cost(step)
            else:
                bar.total, bar.n = step.total, step.done
                bar.set_description(step.doing)
    results = [result for result in record.pairs if result.pair in request.pairs]
    print(json.dumps(_as_json(results, given.level))) if given.json else _print_results(record, results, given.level)
    return 0


def _request(given: argparse.Namespace):
    """What the command line asks for."""
    from compute import engine
    from compute.conditions import all_pairs
    from compute.evaluate import Budget

    pairs: tuple[TokenPair | Probe, ...]
    if given.pair:
        pairs = (TokenPair.find(given.prompt, *given.pair),)
    elif given.probe:
        pairs = (Probe.about(given.prompt, *given.probe),)
    else:
        pairs = all_pairs(given.prompt, given.all_pairs)
    return engine.Request(
        pairs,
        tuple(range(given.seeds)),
        given.guidance,
        Budget(given.noises, given.target_se),
        given.estimator,
        given.measure,
        tuple(given.surprisals) if given.surprisals else None,
        given.image,
        given.cache if given.dtype is None else None,
    )


def _study(given: argparse.Namespace) -> int:
    from tqdm import tqdm

    from compute import engine, study
    from compute.evaluate import Budget
    from compute.models import registry
    from store.study import load

    asked = load(given.study, given.store, given.model)
    study.check_model(asked, given.model)
    request = engine.Request(
        (),
        asked.seeds if given.seeds is None else tuple(range(given.seeds)),
        asked.guidance if given.guidance is None else given.guidance,
        Budget(given.noises or asked.noises),
        cache=given.cache if given.dtype is None else None,
    )
    denoiser = registry.load(given.model, given.revision, given.dtype, given.device)
    if strange := study.strange_words(denoiser, asked):
        print(f"note: model {denoiser.name} was never trained with {', '.join(strange)}", file=sys.stderr)
    failed = 0
    with tqdm(unit="eval", unit_scale=True, leave=False, delay=0.1) as bar:
        for step in study.run(denoiser, asked, request, given.store, given.limit):
            if isinstance(step, study.Plan):
                about = f"{step.prompts} prompts, {step.open} of them open: {step.evaluations:,} evaluations at most"
                print(f"{asked.title}: {about}", file=sys.stderr)
            elif isinstance(step, study.Failed):
                failed += 1
                tqdm.write(f"error: {step.reason}", file=sys.stderr)
            elif isinstance(step, engine.Progress):
                bar.total, bar.n = step.total, step.done
                bar.set_description(step.doing)
    print(f"see it by: python -m store table {asked.name} --model {denoiser.name} --store {given.store}")
    return 1 if failed else 0


def _print_cost(cost) -> None:
    if not cost.images:
        print("all of it is in the store", file=sys.stderr)
        return
    pairs = "1 pair" if cost.pairs == 1 else f"{cost.pairs} pairs"
    images = "1 image" if cost.images == 1 else f"{cost.images} images"
    print(
        f"{pairs}, {cost.texts} texts, {images} of {cost.noises} noises: {cost.evaluations:,} evaluations at most",
        file=sys.stderr,
    )


def _totals(result: PairResult, level: str) -> list[tuple[str, str, float, float]]:
    """Mode, quantity, mean over images and its standard error."""
    rows = []
    for mode in result.information:
        found = result.decomposition(mode, level=level)
        shown = {f"information_{name}": found[name] for name in ("first", "second", "both")}
        shown |= {name: found[name] for name in (*PARTS, ALIGNMENT, "standard_both")}
        rows += [(mode, name, *estimate.mean()) for name, estimate in shown.items()]
    return rows


def _as_json(results: list[PairResult], level: str) -> dict[str, object]:
    names = ("mode", "quantity", "value", "se")
    return {
        "level": level,
        "pairs": [
            {
                "pair": result.pair.name,
                "measure": result.measure,
                "estimator": result.estimator,
                "seeds": result.seeds,
                "noises": result.noises,
                "totals": [dict(zip(names, row, strict=True)) for row in _totals(result, level)],
            }
            for result in results
        ],
    }


def _print_results(record: RunRecord, results: list[PairResult], level: str) -> None:
    if len(results) > 1:
        _print_matrix(record, results, level)
        return
    (result,) = results
    first, second = result.pair.words
    print(
        f"{first!r} (first) and {second!r} (second) in {record.key.prompt!r}\n"
        f"{result.measure} on {result.estimator} maps, {level} level, mean of {len(result.seeds)} images, nats"
    )
    for mode, name, value, error in _totals(result, level):
        print(f"{mode:5} {name:19} {value:10.3f} +- {error:.3f}")
    _print_warnings(record, result)


def _print_matrix(record: RunRecord, results: list[PairResult], level: str) -> None:
    """R, U1, U2, S of all pairs, a line each, with errors."""
    measure, images = results[0].measure, max(len(result.seeds) for result in results)
    print(f"pairs of {record.key.prompt!r}, {measure}, {level} level, mean of {images} images, nats")
    heads = "".join(f"{head:>20}" for head in ("R", "U1", "U2", "S"))
    print(f"{'mode':5} {'pair':24}{heads}")
    for mode in dict.fromkeys(mode for result in results for mode in result.information):
        for result in results:
            found = result.decomposition(mode, level=level)
            cells = ["{:.2f} +- {:.2f}".format(*found[name].mean()) for name in PARTS]
            print(f"{mode:5} {result.pair.name:24}" + "".join(f"{cell:>20}" for cell in cells))
    for result in results:
        _print_warnings(record, result)


def _print_warnings(record: RunRecord, result: PairResult) -> None:
    for mode, sentences in trust.warnings(record.key, result).items():
        for sentence in sentences:
            print(f"warning, {result.pair.name}, {mode}: {sentence}")


def _models(given: argparse.Namespace) -> int:
    from compute.models.registry import KNOWN

    rows = [dataclasses.asdict(model) | {"present": model.present} for model in KNOWN.values()]
    if given.json:
        print(json.dumps(rows))
    else:
        for row in rows:
            print(f"{row['name']:12} {'present' if row['present'] else 'absent ':8} {row['about']}  ({row['source']})")
    return 0


def _verify(given: argparse.Namespace) -> int:
    from compute import verify

    rows = []
    for row in verify.checks():
        rows.append(row)
        if not given.json:
            print(row.line(), flush=True)
    if given.json:
        print(json.dumps(verify.report(rows), indent=1))
    return 0 if all(row.passed for row in rows) else 1


def _bench(given: argparse.Namespace) -> int:
    from compute import bench

    figures = {}
    for name, value in bench.measure():
        figures[name] = value
        if not given.json:
            print(f"{name:70} {value:12.3f}", flush=True)
    if given.json:
        print(json.dumps(figures))
    return 0


def _train(given: argparse.Namespace) -> int:
    from compute.embedded import card, train
    from compute.models import registry

    folder = train.train(given.out, given.minutes)
    print(f"trained: {folder}; now judged by its own pictures", flush=True)
    judgement = card.write(registry.load(str(folder)), given.out)
    for name, share in judgement.accuracy.items():
        print(f"{name:20} {share:.2f}")
    for name in judgement.missed:
        print(f"error: {name} below its bar of {card.BARS[name]:.2f}", file=sys.stderr)
    return 1 if judgement.missed else 0


def _quiet() -> None:
    """Keep the libraries' notices out of the commands' output; to be called before they are imported."""
    for library in ("TRANSFORMERS", "DIFFUSERS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
    warnings.filterwarnings("ignore", module="huggingface_hub|diffusers|transformers")


if __name__ == "__main__":
    sys.exit(main())
