"""Commands of `python -m store`; each exits with 0 only when all that was asked is there and sound."""

import argparse
import json
import math
import sys
from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from store import hdf5, measures, settings, trust
from store.catalogue import Catalogue, Entry, Filter
from store.decomposition import ALIGNMENT, PARTS
from store.errors import DiffusionPIDError, InputError
from store.information import INFORMATION, LEVELS

TOTALS = ("information_first", "information_second", "information_both", *PARTS)
HEADS = dict(zip(TOTALS, ("I1", "I2", "I12", "R", "U1", "U2", "S"), strict=True))


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a trouble that a person can mend is one line on standard error."""
    try:
        given = _parser(settings.load()).parse_args(arguments)
        if not given.store.is_dir():
            raise InputError(f"store {given.store}", "no such folder", "compute something, or give another --store")
        return given.command(given)
    except DiffusionPIDError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def _parser(defaults: settings.Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m store", description="Reads and looks after a store of results.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("ls", _ls, "list what is there, newest first"),
        ("show", _show, "everything about one prompt"),
        ("check", _check, "read every file and hold it to the format"),
        ("reindex", _reindex, "build the catalogue anew from the files"),
    ):
        sub = commands.add_parser(name, help=text)
        sub.add_argument("--store", type=Path, default=defaults.store, help="default: %(default)s")
        sub.set_defaults(command=command)
        if name == "ls":
            sub.add_argument("--text", default="", metavar="WORDS", help="only of prompts with words that start so")
            sub.add_argument("--model", default="", help="only of this model")
            sub.add_argument("--study", default="", help="only of this study")
            sub.add_argument("--limit", type=int, metavar="N", help="at most so many")
            sub.add_argument("--json", action="store_true", help="print a list of objects, values in nats")
        if name == "show":
            sub.add_argument("prompt")
            sub.add_argument("--pair", nargs=2, metavar=("A", "B"))
            sub.add_argument("--measure", choices=tuple(measures.MEASURES), help="default: that of the file")
            sub.add_argument("--level", choices=tuple(LEVELS), default="pixel", help="default: %(default)s")
            edges = ("LEFT", "TOP", "RIGHT", "BOTTOM")
            sub.add_argument("--region", nargs=4, type=float, metavar=edges, help="of the image, in its pixels")
    return parser


def _ls(given: argparse.Namespace) -> int:
    if given.limit is not None and given.limit < 0:
        raise InputError(f"--limit {given.limit}", "less than none", "give a number of entries")
    catalogue = _prepared(given.store)
    wanted = Filter(text=given.text, model=given.model, study=given.study)
    entries = islice(catalogue.entries(wanted), given.limit)
    _print_json(entries) if given.json else _print_table(entries)
    return _report_broken(catalogue)


def _prepared(root: Path, anew: bool = False) -> Catalogue:
    """The catalogue of `root`; while it is built, a bar on standard error says how far that is."""
    catalogue = Catalogue(root)
    with tqdm(unit="file", leave=False, delay=0.5, disable=None) as bar:
        for done, total in catalogue.rebuild() if anew else catalogue.prepare():
            bar.total = total
            bar.update(done - bar.n)
    return catalogue


def _print_table(entries: Iterable[Entry]) -> None:
    print(f"{'mode':5}{'pair':28}" + "".join(f"{head:>9}" for head in HEADS.values()) + "  images  prompt")
    for entry in entries:
        values = "".join(f"{entry.totals[name][0]:9.2f}" for name in TOTALS)
        print(f"{entry.mode:5}{entry.pair:28}{values}{entry.seeds:8}  {entry.key.prompt!r} ({entry.key.model})")


def _print_json(entries: Iterable[Entry]) -> None:
    before = "["
    for entry in entries:
        print(before, json.dumps(_as_json(entry), allow_nan=False), sep="\n", end="")
        before = ","
    print("\n]" if before == "," else "[]")


def _as_json(entry: Entry) -> dict[str, object]:
    """An entry as a program reads it; what is not finite is null."""
    about = {name: value for name, value in asdict(entry).items() if name not in ("path", "key", "totals", "labels")}
    totals = {
        name: [value if math.isfinite(value) else None for value in total] for name, total in entry.totals.items()
    }
    labels = [label._asdict() for label in entry.labels]
    return {**asdict(entry.key), **about, "path": str(entry.path), "labels": labels, "totals": totals}


def _report_broken(catalogue: Catalogue) -> int:
    broken = catalogue.broken()
    for path, problem in broken:
        print(f"error: {path}: {problem}", file=sys.stderr)
    return 1 if broken else 0


def _show(given: argparse.Namespace) -> int:
    found = list(_prepared(given.store).entries(Filter(prompt=given.prompt)))
    if given.pair:
        wanted = {word.casefold() for word in given.pair}
        found = [entry for entry in found if {entry.first.casefold(), entry.second.casefold()} == wanted]
    if not found:
        what = f" with the pair {' '.join(given.pair)}" if given.pair else ""
        raise InputError(f"prompt {given.prompt!r}{what}", "not in the store", "see `python -m store ls`")
    for entry in found:
        _print_entry(entry, given)
    return 0


def _print_entry(entry: Entry, given: argparse.Namespace) -> None:
    """Everything about one pair in one mode, under what was asked for: arithmetic on what the file holds."""
    record = hdf5.read(entry.path, entry.pair)
    (result,) = record.pairs
    key, region = record.key, record.region(*given.region) if given.region else None
    found = result.decomposition(entry.mode, given.measure, given.level, region)
    print(f"{key.prompt!r}  {entry.first!r} (first), {entry.second!r} (second)  {entry.mode}")
    print(f"  model {key.model} {key.revision}, guidance {key.guidance:g}, {entry.seeds} images, {entry.noises} noises")
    print(f"  measure {found.measure} on {found.estimator} maps, {given.level} level, {entry.created}, {entry.path}")
    for name in (*INFORMATION, *PARTS, ALIGNMENT):
        value, error = found[name].mean()
        unit = "" if name == ALIGNMENT else " nats"
        print(f"  {hdf5.DATASETS.get(name, name):20} {value:10.3f} +- {error:.3f}{unit}")
    low, high = trust.edge_shares(result.information[entry.mode])
    below = trust.tail_share(result.information[entry.mode])
    print(
        f"  of I(both) {low:.1%} at the noisiest levels, {high:.1%} at the cleanest; about {below:.1%} more below them"
    )
    for sentence in trust.warnings(key, result)[entry.mode]:
        print(f"  warning: {sentence}")


def _check(given: argparse.Namespace) -> int:
    bad = total = 0
    for path in sorted(hdf5.paths(given.store)):
        total += 1
        found = hdf5.problems(path)
        bad += bool(found)
        for problem in found:
            print(f"{path}: {problem}")
    print(f"{total} files, {bad} with problems")
    return 1 if bad else 0


def _reindex(given: argparse.Namespace) -> int:
    catalogue = _prepared(given.store, anew=True)
    print(f"{catalogue.count()} entries")
    return _report_broken(catalogue)


if __name__ == "__main__":
    sys.exit(main())
