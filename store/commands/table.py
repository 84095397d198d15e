"""`store table`: a table of a study, printed or written to a file. `store.tables.kinds` has the tables."""

import argparse
from pathlib import Path

from store import export, studies
from store.catalogue import Catalogue
from store.commands.common import finite, open_catalogue
from store.errors import InputError, printable
from store.pid import measures
from store.pid.decomposition import ALIGNMENT
from store.pid.information import LEVELS
from store.records import MODES
from store.settings import Settings
from store.studies import Study
from store.tables import QUANTITIES
from store.tables.findings.closing import broken_chain
from store.tables.findings.drawn import Recognition, failed_of
from store.tables.kinds import TABLES, StudyTable, TableRequest, choose_table
from store.tables.kinds.format import CLOSING, chain_of
from store.tables.samples import Image, guidance_of

FAILED = ("keep", "leave")
SPENT = {"noises": "; {} noises an image", "seeds": "; seeds: {} a prompt"}


def add_arguments(parser: argparse.ArgumentParser, defaults: Settings) -> None:
    """Add the options of the command: those of all tables, and one for each table that is not a kind's usual one."""
    parser.add_argument("study", help="name of one, or a .toml file")
    parser.add_argument("--model", default=defaults.model, help="default: %(default)s")
    parser.add_argument("--revision", default="", help="of the model, or its beginning, where there are several")
    parser.add_argument("--mode", choices=MODES, help="default: cpid for interventions and senses, else pid")
    known = ", ".join(measures.MEASURES)
    parser.add_argument("--measure", default=measures.DEFAULT, help=f"{known} (default: %(default)s)")
    parser.add_argument("--level", choices=tuple(LEVELS), default="pixel", help="default: %(default)s")
    quantities = (*QUANTITIES, ALIGNMENT)
    parser.add_argument("--quantity", choices=quantities, default="redundancy", help="default: %(default)s")
    guided = "of image generation (default: the study's, else the lowest there is); several: gaps side by side"
    parser.add_argument("--guidance", type=finite, nargs="+", metavar="G", help=guided)
    other = parser.add_mutually_exclusive_group()
    offered: dict[str, tuple[StudyTable, list[str]]] = {}
    for kind, tables in TABLES.items():
        for table in filter(lambda table: table.option, tables):
            offered.setdefault(table.option, (table, []))[1].append(kind)
    for table, kinds in offered.values():
        kind = "all" if len(kinds) == len(TABLES) else ", ".join(kinds)
        option, *value = table.option.split()
        action = {"choices": value} if value else {"action": "store_const", "const": table.name}
        other.add_argument(option, dest="table", default="", help=f"{kind}: {table.help}", **action)
    failed = "images that do not show what their prompt asks for, where that is known (default: keep)"
    parser.add_argument("--failed", choices=FAILED, default=FAILED[0], help=failed)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it as .csv, .json, .tex or .md instead")


def run(given: argparse.Namespace) -> int:
    """Print the table, or write it to a file and print the name of that."""
    study = studies.load(given.study, given.store, given.model)
    catalogue = open_catalogue(given.store)
    guidances = tuple(dict.fromkeys(given.guidance or [guidance_of(catalogue, study, given.model)]))
    table = choose_table(study, given.table, len(guidances))
    _check_quantity(given.quantity, table)
    without, left = _failed(given, catalogue, study, guidances)
    request = TableRequest(
        catalogue=catalogue,
        study=study,
        model=given.model,
        revision=given.revision,
        guidances=guidances,
        mode=given.mode or table.mode,
        measure=given.measure,
        level=given.level,
        quantity=given.quantity,
        without=without,
    )
    printed = table.make(request)
    if without:
        printed.frame.attrs["failed_images"] = "left out"
    if given.out:
        export.write(printed.frame, given.out, title=study.title)
        print(given.out)
        return 0
    guidance = ", ".join(f"{value:g}" for value in guidances)
    model = f"{given.model}, revision {printed.frame.attrs['revision']}" if given.revision else given.model
    about = printed.frame.attrs
    spent = "".join(said.format(about[name]) for name, said in SPENT.items() if name in about)
    print(f"{study.title}: {printed.head}; model {model}, guidance {guidance}{spent}")
    print(printed.text(printed.frame))
    for note in (*printed.notes, *_chain(given, catalogue, study, table), *left):
        print(note)
    for note in printed.frame.attrs.get("notes", []):
        print(f"note: {printable(note)}")
    return 0


def _failed(
    given: argparse.Namespace, catalogue: Catalogue, study: Study, guidances: tuple[float, ...]
) -> tuple[dict[float, frozenset[Image]], list[str]]:
    """Return the images that are left out, by guidance, and what is said about them.

    Raises
    ------
    InputError: they shall be left out, and nobody knows which fail.
    """
    if given.failed == FAILED[0]:
        return {}, []
    known = Recognition.of(given.store, given.model)
    if known is None:
        mend = f"run python -m compute recognise {study.name} --model {given.model} first"
        raise InputError("--failed leave", f"nobody looked at what images of {given.model} show", mend)
    about = {"model": given.model, "revision": given.revision}
    found = {each: failed_of(catalogue, study, known.read, guidance=each, **about) for each in guidances}
    failed, checked = (sum(map(count, found.values())) for count in (lambda each: len(each[0]), lambda each: each[1]))
    by = f", by {printable(known.identity)}," if known.identity else ""
    said = f"{failed} of {checked} images do not show what their prompt asks for{by} and are left out"
    return {each: wrong for each, (wrong, _) in found.items()}, [said]


def _chain(given: argparse.Namespace, catalogue: Catalogue, study: Study, table: StudyTable) -> list[str]:
    """Return a sentence if the chain rule does not close; not under the table that shows it."""
    if table.name == CLOSING.name:
        return []
    try:
        return list(filter(None, [broken_chain(chain_of(catalogue, study, given.model, given.revision))]))
    except InputError:  # no prompt has both words
        return []


def _check_quantity(quantity: str, table: StudyTable) -> None:
    """Raise an InputError if the table is not made of that quantity."""
    if quantity not in table.quantities:
        others = [each.option for tables in TABLES.values() for each in tables if quantity in each.quantities]
        raise InputError(f"quantity {quantity}", "this table is not made of it", f"add {' or '.join(others)}")
