"""`store show`: everything about one prompt, under any measure, level and region."""

import argparse
import math
import sys

from store import hdf5, warnings
from store.catalogue import Entry, Filter
from store.commands.common import finite, open_catalogue
from store.errors import InputError, StoreError, printable
from store.pid import measures
from store.pid.decomposition import ALIGNMENT, PARTS
from store.pid.information import INFORMATION, LEVELS
from store.settings import Settings


def add_arguments(parser: argparse.ArgumentParser, defaults: Settings) -> None:
    """Add the options of the command."""
    parser.add_argument("prompt")
    parser.add_argument("--pair", nargs=2, metavar=("A", "B"), help="only this pair of words, in either order")
    parser.add_argument("--measure", choices=tuple(measures.MEASURES), help="default: that of the file")
    parser.add_argument("--level", choices=tuple(LEVELS), default="pixel", help="default: %(default)s")
    edges = ("LEFT", "TOP", "RIGHT", "BOTTOM")
    parser.add_argument("--region", nargs=4, type=finite, metavar=edges, help="of the image, in its pixels")


def run(given: argparse.Namespace) -> int:
    """Print each pair of the prompt in each mode; a file that cannot be read is named and left out."""
    found = list(open_catalogue(given.store).entries(Filter(prompt=given.prompt)))
    if given.pair:
        wanted = {word.casefold() for word in given.pair}
        found = [entry for entry in found if {entry.first.casefold(), entry.second.casefold()} == wanted]
    if not found:
        what = f" with the pair {' '.join(given.pair)}" if given.pair else ""
        raise InputError(f"prompt {given.prompt!r}{what}", "not in the store", "see `python -m store ls`")
    broken = 0
    for entry in found:
        try:
            _print_entry(entry, given)
        except StoreError as error:
            broken = 1
            print(f"error: {error}", file=sys.stderr)
    return broken


def _print_entry(entry: Entry, given: argparse.Namespace) -> None:
    """Print everything about one pair in one mode: it follows from what the file holds."""
    record = hdf5.read(entry.path, entry.pair)
    (result,) = record.pairs
    key, region = record.key, record.region(*given.region) if given.region else None
    found = result.decomposition(entry.mode, given.measure, given.level, region)
    model = printable(f"{key.model} {key.revision}")
    print(f"{key.prompt!r}  {entry.first!r} (first), {entry.second!r} (second)  {entry.mode}")
    print(f"  model {model}, guidance {key.guidance:g}, {entry.seeds} images, {entry.noises} noises")
    about = f"{given.level} level, {printable(entry.created)}, {entry.path}"
    print(f"  measure {found.measure} on {found.estimator} maps, {about}")
    for name in (*INFORMATION, *PARTS, ALIGNMENT):
        value, error = (f"{number:.3f}".replace("nan", "unknown") for number in found[name].mean())
        unit = "" if name == ALIGNMENT else " nats"
        print(f"  {hdf5.DATASETS.get(name, name):20} {value:>10} +- {error}{unit}")
    both, orders = warnings.chain_rule(result.information[entry.mode])
    sums = (
        f"{name} {value:.3f} ({'?' if math.isnan(error) else f'{value - both:+.3f} +- {error:.3f}'})"
        for name, (value, error) in zip(("I1 + I(2|1)", "I2 + I(1|2)"), orders, strict=True)
    )
    print(f"  chain rule, mean over images: I12 {both:.3f}, {', '.join(sums)} nats")
    low, high = warnings.edge_shares(result.information[entry.mode])
    below = warnings.tail_share(result.information[entry.mode])
    print(
        f"  of I(both) {low:.1%} at the noisiest levels, {high:.1%} at the cleanest; about {below:.1%} more below them"
    )
    for note in warnings.notes_of(record.provenance):
        print(f"  note: {printable(note)}")
    for sentence in warnings.warnings(key, result)[entry.mode]:
        print(f"  warning: {sentence}")
