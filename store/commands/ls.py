"""`store ls`: the entries of the catalogue, as a table or as JSON."""

import argparse
import json
import math
import sys
from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice

from store.catalogue import Entry
from store.commands.common import add_selection, open_catalogue, report_broken, selection, shortened
from store.errors import InputError, printable
from store.settings import Settings

COLUMNS = {
    "information_first": "I1",
    "information_second": "I2",
    "information_both": "I12",
    "redundancy": "R",
    "unique_first": "U1",
    "unique_second": "U2",
    "synergy": "S",
}


def add_arguments(parser: argparse.ArgumentParser, defaults: Settings) -> None:
    """Add the options of the command."""
    add_selection(parser)
    parser.add_argument("--limit", type=int, metavar="N", help="list at most so many")
    parser.add_argument("--json", action="store_true", help="print a list of objects, values in nats")


def run(given: argparse.Namespace) -> int:
    """List what is selected; values are means over images, in nats."""
    if given.limit is not None and not 0 <= given.limit <= sys.maxsize:
        raise InputError(f"--limit {shortened(str(given.limit))[1:-1]}", "no number of entries", "give one from 0 up")
    catalogue = open_catalogue(given.store)
    entries = islice(catalogue.entries(selection(given)), given.limit)
    _print_json(entries) if given.json else _print_table(entries)
    return report_broken(catalogue)


def _print_table(entries: Iterable[Entry]) -> None:
    print(f"{'mode':5}{'pair':28}" + "".join(f"{head:>9}" for head in COLUMNS.values()) + "  images  prompt")
    for entry in entries:
        values = "".join(f"{entry.totals[name][0]:9.2f}" for name in COLUMNS)
        about = f"{entry.seeds:8}  {entry.key.prompt!r} ({printable(entry.key.model)})"
        print(f"{entry.mode:5}{printable(entry.pair):28}{values}{about}")


def _print_json(entries: Iterable[Entry]) -> None:
    before = "["
    for entry in entries:
        print(before, json.dumps(_as_json(entry), allow_nan=False), sep="\n", end="")
        before = ","
    print("\n]" if before == "," else "[]")


def _as_json(entry: Entry) -> dict[str, object]:
    """Return an entry as a program reads it; what is not finite is null."""
    about = {name: value for name, value in asdict(entry).items() if name not in ("path", "key", "totals", "labels")}
    totals = {
        name: [value if math.isfinite(value) else None for value in total] for name, total in entry.totals.items()
    }
    labels = [label._asdict() for label in entry.labels]
    return {**asdict(entry.key), **about, "path": str(entry.path), "labels": labels, "totals": totals}
