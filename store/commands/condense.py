"""`store condense`: a selection copied into a small store."""

import argparse
from pathlib import Path

from tqdm import tqdm

from store import hdf5
from store.commands.common import add_selection, open_catalogue, report_broken, selected_pairs, selection
from store.errors import InputError
from store.settings import Settings


def add_arguments(parser: argparse.ArgumentParser, defaults: Settings) -> None:
    """Add the options of the command."""
    add_selection(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the store that gets the copy")
    kept = {"--bands": "maps by noise level", "--latents": "latents, from which senses of homonyms follow,"}
    for option, what in kept.items():
        parser.add_argument(option, nargs="+", default=[], metavar="STUDY", help=f"studies of which {what} are kept")


def run(given: argparse.Namespace) -> int:
    """Copy the selection and print the size of the copy; return 1 if files of the store cannot be used."""
    if given.out.resolve() == given.store.resolve():
        raise InputError(f"--out {given.out}", "it is the store itself", "name another folder, which gets the copy")
    hdf5.check_writable(given.out)
    catalogue = open_catalogue(given.store)
    pairs, known = selected_pairs(catalogue, selection(given)), catalogue.values("study")
    for name in (*given.bands, *given.latents):
        if name not in {study.partition(":")[0] for study in known} | set(known):
            raise InputError(f"study {name}", "nothing in the store belongs to it", f"use one of {', '.join(known)}")
    copying = hdf5.condense(given.out, pairs, set(given.bands), set(given.latents))
    for _ in tqdm(copying, total=len(pairs), unit="file", leave=False, disable=None):
        pass
    size = sum(path.stat().st_size for path in hdf5.paths(given.out))
    print(f"{given.out}: {size / 1e6:.1f} MB")
    return report_broken(catalogue)
