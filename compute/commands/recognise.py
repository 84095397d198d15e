"""The command `recognise`: what images of a study show, by a zero-shot classifier that somebody names."""

import argparse
import sys
from collections import Counter

from compute.commands import arguments
from store.catalogue import Catalogue
from store.errors import printable
from store.settings import Settings


def add(commands, defaults: Settings) -> None:
    """Add the command to the subparsers `commands`."""
    about = "say what images of a study show, by CLIP, SigLIP or the like, so that tables can count and leave out"
    recognise = commands.add_parser("recognise", help=about)
    recognise.add_argument("study", help="name of one (see `python -m store studies`), or a .toml file")
    recognise.add_argument("--model", default=defaults.model, help="whose images (default: %(default)s)")
    named = "folder or hub id of a zero-shot image classifier, as google/siglip-base-patch16-224"
    recognise.add_argument("--recogniser", default=defaults.recogniser, metavar="FOLDER_OR_ID", help=named)
    arguments.add_store(recognise, defaults)
    arguments.add_device(recognise, defaults)
    recognise.set_defaults(command=_recognise)


def _recognise(given: argparse.Namespace) -> int:
    from tqdm import tqdm

    from compute import recognition
    from store import hdf5, studies
    from store.recognition import stored

    study = studies.load(given.study, given.store, given.model)
    hdf5.check_writable(given.store)
    recogniser = recognition.load(given.recogniser, given.device)
    with tqdm(unit="file", leave=False, delay=0.5) as bar:

        def show(done: int, total: int) -> None:
            bar.total, bar.n = total, done
            bar.refresh()

        seen, broken = recognition.recognise(recogniser, Catalogue(given.store), study, given.model, show)
    path = stored.add(given.store, given.model, seen)
    images = [image for of_file in seen.files.values() for image in of_file.values()]
    failed = sum(not image.asked for image in images)
    common = ", ".join(
        f"{printable(label)} {count}" for label, count in Counter(i.label for i in images).most_common(5)
    )
    print(f"{len(images)} images by {seen.identity}: {failed} do not show what their prompt asks for ({common}, ...)")
    print(path)
    for error in broken:
        print(f"error: {error}", file=sys.stderr)
    return 1 if broken else 0
