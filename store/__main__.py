"""Commands of `python -m store`; each exits with 0 only when all that was asked is there and sound."""

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from store import hdf5, settings, warnings
from store.catalogue import Catalogue, Entry, Filter
from store.errors import DiffusionPIDError, InputError
from store.pid import measures
from store.pid.decomposition import ALIGNMENT, PARTS
from store.pid.information import INFORMATION, LEVELS, STANDARD_MAPS
from store.records import MODES

TOTALS = ("information_first", "information_second", "information_both", *PARTS)
HEADS = dict(zip(TOTALS, ("I1", "I2", "I12", "R", "U1", "U2", "S"), strict=True))


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a trouble that a person can mend is one line on standard error."""
    try:
        given = _parser(settings.load()).parse_args(arguments)
        if not given.store.is_dir() and given.command not in (_import, _studies):
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

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        sub.add_argument("--store", type=Path, default=defaults.store, help="default: %(default)s")
        sub.set_defaults(command=command)
        return sub

    ls = add("ls", _ls, "list what is there, newest first")
    _add_selection(ls)
    ls.add_argument("--limit", type=int, metavar="N", help="at most so many")
    ls.add_argument("--json", action="store_true", help="print a list of objects, values in nats")
    _add_show(add("show", _show, "everything about one prompt"))
    check = add("check", _check, "read every file and hold it to the format")
    check.add_argument("--json", action="store_true", help="print a list of objects, one a problem")
    add("repair", _repair, "set aside what is broken, and keep what can be read of it")
    add("reindex", _reindex, "build the catalogue anew from the files")
    export = add("export", _export, "write a selection into one file")
    _add_selection(export)
    kind = export.add_mutually_exclusive_group(required=True)
    kind.add_argument("--h5", type=Path, metavar="FILE", help="everything, for `import` or any reader of HDF5")
    kind.add_argument("--csv", type=Path, metavar="FILE", help="totals in nats, a row a pair and mode")
    kind.add_argument("--json", type=Path, metavar="FILE", help="the same as JSON")
    export.add_argument("--by-image", action="store_true", help="in CSV and JSON a row an image, measure and level")
    condense = add("condense", _condense, "copy a selection into a small store, to be carried and read")
    _add_selection(condense)
    condense.add_argument("--out", type=Path, required=True, metavar="DIR", help="the store that gets the copy")
    kept = {"--bands": "maps by noise level", "--latents": "latents, by which senses of homonyms are told,"}
    for option, what in kept.items():
        condense.add_argument(option, nargs="+", default=[], metavar="STUDY", help=f"studies of which {what} are kept")
    add("studies", _studies, "list the studies that can be asked for")
    _add_table(add("table", _table, "the table of a study, with intervals over seeds"), defaults)
    take = add("import", _import, "take what such a file holds, or a single result file; what is here already stays")
    take.add_argument("file", type=Path)
    return parser


def _add_selection(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--text", default="", metavar="WORDS", help="only of prompts with words that start so")
    sub.add_argument("--prompt", default="", help="only of this prompt")
    sub.add_argument("--model", default="", help="only of this model")
    sub.add_argument("--study", default="", help="only of this study")


def _add_show(show: argparse.ArgumentParser) -> None:
    show.add_argument("prompt")
    show.add_argument("--pair", nargs=2, metavar=("A", "B"))
    show.add_argument("--measure", choices=tuple(measures.MEASURES), help="default: that of the file")
    show.add_argument("--level", choices=tuple(LEVELS), default="pixel", help="default: %(default)s")
    edges = ("LEFT", "TOP", "RIGHT", "BOTTOM")
    show.add_argument("--region", nargs=4, type=float, metavar=edges, help="of the image, in its pixels")


def _add_table(table: argparse.ArgumentParser, defaults: settings.Settings) -> None:
    table.add_argument("study", help="name of one, or a .toml file")
    table.add_argument("--model", default=defaults.model, help="default: %(default)s")
    table.add_argument("--mode", choices=MODES, help="default: cpid for interventions, else pid")
    table.add_argument("--measure", default=measures.DEFAULT, help="default: %(default)s")
    table.add_argument("--level", choices=tuple(LEVELS), default="pixel", help="default: %(default)s")
    table.add_argument(
        "--quantity", choices=(*TOTALS, *STANDARD_MAPS, ALIGNMENT), default="redundancy", help="default: %(default)s"
    )
    guided = "of image generation (default: what the study says); several: what guidance does to gaps, side by side"
    table.add_argument("--guidance", type=float, nargs="+", metavar="G", help=guided)
    other = table.add_mutually_exclusive_group()
    other.add_argument("--published", action="store_true", help="with values that others printed, of another model")
    other.add_argument("--probe", choices=["neutral"], help="what images without an attribute say of each")
    other.add_argument("--stability", action="store_true", help="how often orders would change with other seeds")
    other.add_argument("--sensitivity", action="store_true", help="rank correlation between all measures and levels")
    other.add_argument("--by-setting", action="store_true", help="the means under all measures and levels")
    other.add_argument("--by-image", action="store_true", help="of an intervention: a row for each image")
    other.add_argument("--senses", action="store_true", help="of homonyms: which meaning the images took")
    other.add_argument("--controls", action="store_true", help="of pairs: each beside a control word")
    table.add_argument("--out", type=Path, metavar="FILE", help="write it as .csv, .json, .tex or .md instead")


def _selection(given: argparse.Namespace) -> Filter:
    return Filter(text=given.text, prompt=given.prompt, model=given.model, study=given.study)


def _ls(given: argparse.Namespace) -> int:
    if given.limit is not None and given.limit < 0:
        raise InputError(f"--limit {given.limit}", "less than none", "give a number of entries")
    catalogue = _prepared(given.store)
    entries = islice(catalogue.entries(_selection(given)), given.limit)
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
        value, error = (f"{number:.3f}".replace("nan", "unknown") for number in found[name].mean())
        unit = "" if name == ALIGNMENT else " nats"
        print(f"  {hdf5.DATASETS.get(name, name):20} {value:>10} +- {error}{unit}")
    low, high = warnings.edge_shares(result.information[entry.mode])
    below = warnings.tail_share(result.information[entry.mode])
    print(
        f"  of I(both) {low:.1%} at the noisiest levels, {high:.1%} at the cleanest; about {below:.1%} more below them"
    )
    for sentence in warnings.warnings(key, result)[entry.mode]:
        print(f"  warning: {sentence}")


def _check(given: argparse.Namespace) -> int:
    paths, found = sorted(hdf5.paths(given.store)), []
    for path in tqdm(paths, unit="file", leave=False, delay=0.5, disable=None):
        wrong = hdf5.problems(path)
        found += [{"path": str(path), **asdict(problem)} for problem in wrong]
        if not given.json:
            for problem in wrong:
                print(f"{path}: {problem}")
    bad = len({problem["path"] for problem in found})
    print(json.dumps(found, indent=1) if given.json else f"{len(paths)} files, {bad} with problems")
    return 1 if found else 0


def _repair(given: argparse.Namespace) -> int:
    left = 0
    for done in hdf5.repair(given.store):
        for problem in done.problems:
            print(f"{done.path}: {problem}")
        left += done.aside is None
        kept = f"kept {', '.join(done.kept)}" if done.kept else "kept nothing"
        print("  left as it is" if done.aside is None else f"  set aside as {done.aside}, {kept}")
    print(f"{sum(1 for _ in hdf5.paths(given.store))} files are in the store")
    return 1 if left else 0


def _export(given: argparse.Namespace) -> int:
    from store import export, tables  # scipy takes a second to import

    catalogue, target = _prepared(given.store), given.h5 or given.csv or given.json
    pairs = _selected(catalogue, given)
    if given.h5:
        for _ in tqdm(hdf5.write_bundle(target, pairs), total=len(pairs), unit="file", leave=False, disable=None):
            pass
    else:
        wanted = catalogue.samples if given.by_image else lambda chosen: tables.totals(catalogue.entries(chosen))
        export.write(wanted(_selection(given)), target, kind="csv" if given.csv else "json")
    print(target)
    return _report_broken(catalogue)


def _selected(catalogue: Catalogue, given: argparse.Namespace) -> dict[Path, set[str]]:
    """The pairs that are selected, by file."""
    pairs: dict[Path, set[str]] = {}
    for entry in catalogue.entries(_selection(given)):
        pairs.setdefault(entry.path, set()).add(entry.pair)
    if not pairs:
        raise InputError("selection", "nothing in the store belongs to it", "see `python -m store ls`")
    return pairs


def _condense(given: argparse.Namespace) -> int:
    if given.out.resolve() == given.store.resolve():
        raise InputError(f"--out {given.out}", "it is the store itself", "name another folder, which gets the copy")
    hdf5.check_writable(given.out)
    catalogue = _prepared(given.store)
    pairs, known = _selected(catalogue, given), catalogue.values("study")
    for name in (*given.bands, *given.latents):
        if name not in {study.partition(":")[0] for study in known} | set(known):
            raise InputError(f"study {name}", "nothing in the store belongs to it", f"use one of {', '.join(known)}")
    copying = hdf5.condense(given.out, pairs, set(given.bands), set(given.latents))
    for _ in tqdm(copying, total=len(pairs), unit="file", leave=False, disable=None):
        pass
    size = sum(path.stat().st_size for path in hdf5.paths(given.out))
    print(f"{given.out}: {size / 1e6:.1f} MB")
    return _report_broken(catalogue)


def _studies(given: argparse.Namespace) -> int:
    from store import studies

    for name in studies.names(given.store):
        found = studies.load(name, given.store)
        print(f"{name:24} {found.kind:13} {found.size:4}  {found.title}" + (f" ({found.model})" * bool(found.model)))
    return 0


def _table(given: argparse.Namespace) -> int:
    from store import studies
    from store.tables import command

    command.run(given, _prepared(given.store), studies.load(given.study, given.store, given.model))
    return 0


def _import(given: argparse.Namespace) -> int:
    runs = left_out = 0
    for prompt, wrong in hdf5.read_bundle(given.store, given.file):
        runs += 1
        left_out += len(wrong)
        for problem in wrong:
            print(f"error: {prompt!r}: {problem}", file=sys.stderr)
    print(f"{runs} prompts read, {left_out} parts of them left out")
    return 1 if left_out else 0


def _reindex(given: argparse.Namespace) -> int:
    catalogue = _prepared(given.store, anew=True)
    print(f"{catalogue.count()} entries")
    return _report_broken(catalogue)


if __name__ == "__main__":
    sys.exit(main())
