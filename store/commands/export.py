"""`store export`: a selection as one file, in HDF5 for another store, or as CSV or JSON for other programs."""

import argparse
from pathlib import Path

from tqdm import tqdm

from store import export, hdf5
from store.commands.common import add_selection, open_catalogue, report_broken, selected_pairs, selection
from store.errors import InputError
from store.settings import Settings


def add_arguments(parser: argparse.ArgumentParser, defaults: Settings) -> None:
    """Add the options of the command."""
    add_selection(parser)
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--h5", type=Path, metavar="FILE", help="everything, for `import` or any reader of HDF5")
    kind.add_argument("--csv", type=Path, metavar="FILE", help="totals in nats, a row for each pair and mode")
    kind.add_argument("--json", type=Path, metavar="FILE", help="the same as JSON")
    parser.add_argument("--by-image", action="store_true", help="in CSV and JSON a row an image, measure and level")


def run(given: argparse.Namespace) -> int:
    """Write the file and print its name; return 1 if files of the store cannot be used."""
    from store import tables  # scipy takes a second to import

    if given.h5 and given.by_image:
        raise InputError("--by-image", "a bundle holds whole pairs", "leave it out, or export --csv or --json")
    catalogue, target = open_catalogue(given.store), given.h5 or given.csv or given.json
    export.check_target(target, over_results=bool(given.h5))
    pairs = selected_pairs(catalogue, selection(given))
    if given.h5:
        for _ in tqdm(hdf5.write_bundle(target, pairs), total=len(pairs), unit="file", leave=False, disable=None):
            pass
    else:
        wanted = selection(given)
        frame = catalogue.samples(wanted) if given.by_image else tables.totals(catalogue.entries(wanted))
        export.write(tables.with_notes(frame, catalogue), target, kind="csv" if given.csv else "json")
    print(target)
    return report_broken(catalogue)
