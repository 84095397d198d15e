"""Commands of `python -m compute`; each exits with 0 only when all that was asked is there."""

import argparse
import dataclasses
import json
import os
import sys
import warnings
from pathlib import Path

from store import settings
from store.errors import DiffusionPIDError
from store.records import PARTS, RunRecord

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

    run = commands.add_parser("run", help="one prompt, one pair of words, several images")
    run.add_argument("--model", default=defaults.model, help="known name, hub id or folder (default: %(default)s)")
    run.add_argument("--revision", help="revision of a hub model")
    run.add_argument(
        "--dtype", choices=("float32", "float16", "bfloat16"), help="default: float16 on CUDA, else float32"
    )
    run.add_argument("--device", help="default: cuda where there is one, else cpu")
    run.add_argument("--prompt", required=True)
    run.add_argument("--pair", required=True, nargs=2, metavar=("A", "B"), help="two words of the prompt")
    run.add_argument("--seeds", type=int, default=4, help="number of images (default: %(default)s)")
    run.add_argument("--image", type=Path, help="measure about this picture instead of generated ones")
    run.add_argument("--guidance", type=float, default=1.0, help="of image generation (default: %(default)s)")
    run.add_argument("--noises", type=int, default=256, help="per image: 64 draft, 256 result (default: %(default)s)")
    run.add_argument("--estimator", choices=("orthogonal", "standard"), default="orthogonal")
    run.add_argument("--measure", default="mmi", help="redundancy measure (default: %(default)s)")
    run.add_argument("--store", type=Path, default=defaults.store, help="folder of the results (default: %(default)s)")
    run.add_argument("--json", action="store_true", help="print the totals as JSON")
    run.set_defaults(command=_run)

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


def _run(given: argparse.Namespace) -> int:
    from tqdm import tqdm

    from compute import engine
    from compute.conditions import unseen
    from compute.models import registry

    request = engine.Request(
        given.prompt,
        tuple(given.pair),
        tuple(range(given.seeds)),
        given.guidance,
        given.noises,
        given.estimator,
        given.measure,
        given.image,
    )
    request.check(given.store)
    denoiser = registry.load(given.model, given.revision, given.dtype, given.device)
    if strange := unseen(request.prompt, denoiser):
        words = ", ".join(map(repr, strange))
        print(
            f"note: model {denoiser.name} was never trained with {words}; what it makes of them is chance",
            file=sys.stderr,
        )
    with tqdm(unit="eval", leave=False, delay=0.1) as bar:
        for step in engine.run(denoiser, request, given.store):
            if isinstance(step, RunRecord):
                record = step
                continue
            bar.total, bar.n = step.total, step.done
            bar.set_description(step.doing)
    _print_totals(record, request, given.json)
    return 0


def _print_totals(record: RunRecord, request, as_json: bool) -> None:
    result = record.result(request.words)
    rows = []
    for mode, decomposition in result.decompositions.items():
        information = decomposition.information
        estimates = {f"information_{name}": getattr(information, name) for name in ("first", "second", "both")}
        estimates |= {name: getattr(decomposition, name) for name in PARTS}
        estimates["standard_both"] = information.standard_both
        rows += [(mode, name, *estimate.mean()) for name, estimate in estimates.items()]
    if as_json:
        named = [dict(zip(("mode", "quantity", "nats", "se"), row, strict=True)) for row in rows]
        print(json.dumps({"pair": result.pair.name, "seeds": result.seeds, "totals": named}))
        return
    first, second = result.pair.words
    print(
        f"{first!r} (first) and {second!r} (second) in {record.key.prompt!r}, mean of {len(result.seeds)} images, nats"
    )
    for mode, name, value, error in rows:
        print(f"{mode:5} {name:19} {value:10.3f} +- {error:.3f}")


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

    figures = bench.measure()
    if given.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:40} {value:10.3f}")
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
