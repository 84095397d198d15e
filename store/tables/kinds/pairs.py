"""The tables of studies of pairs, as `store table` prints them."""

from dataclasses import replace

import pandas as pd

from store.pid.decomposition import ALIGNMENT
from store.studies import Pairs, Study
from store.tables.kinds.format import CLOSING, PrintedTable, StudyTable, TableRequest, draw, intervals_of
from store.tables.pairs import against_control, pairs
from store.tables.samples import OF_ALIGNMENT, QUANTITIES
from store.tables.senses import senses


def _plain(request: TableRequest) -> PrintedTable:
    table = pairs(request.samples(**request.setting), request.quantity)
    return PrintedTable(table, pairs_text, request.head, [f"{table.attrs['confidence']:.0%} intervals over seeds"])


def _senses(request: TableRequest) -> PrintedTable:
    table = senses(request.catalogue, request.study, **request.of_images, **request.setting)
    parts = ", ".join(request.setting.values())
    return PrintedTable(table, senses_text, f"which meaning was drawn (synergy and gain in nats, {parts})")


def _lacks_senses(study: Study) -> str:
    named = isinstance(study.content, Pairs) and study.content.homonyms
    return "" if named else "its sentences name no senses"


def _controls(request: TableRequest) -> PrintedTable:
    head = request.head
    if request.quantity == ALIGNMENT:
        request, head = replace(request, **OF_ALIGNMENT), f"alignment index, {request.mode}"
    table = against_control(request.samples(**request.setting), request.quantity)
    return PrintedTable(table, controls_text, f"{head}, beside a control word in the same images")


def pairs_text(table: pd.DataFrame) -> str:
    """One line a pair, the largest first."""
    words = [f"{row['first']} + {row['second']}" for _, row in table.iterrows()]
    columns = {"": list(table["attribute"]), "pair": words, "prompt": [repr(prompt) for prompt in table["prompt"]]}
    return draw({"mean": intervals_of(table, "mean", "low", "high"), **columns}, pd.Index([""] * len(table)))


def senses_text(table: pd.DataFrame) -> str:
    """One line a sentence: synergy, gain, and how many images are nearest to those of their own sense."""
    columns = {name: intervals_of(table, name, f"{name}_low", f"{name}_high") for name in ("synergy", "gain")}
    nearest = [f"{own} of {compared}" for own, compared in zip(table["own"], table["compared"], strict=True)]
    told = {"meant as": list(table["sense"]), **columns, "nearest to its own": nearest, "taken": list(table["taken"])}
    return draw(told, pd.Index(table["prompt"]))


def controls_text(table: pd.DataFrame) -> str:
    """One line a pair: its value, that of its first word with the control word, and their difference."""
    columns = {"pair": [f"{row['first']} + {row['second']}" for _, row in table.iterrows()]}
    columns |= {"with it": intervals_of(table, "mean", "low", "high"), "control": list(table["control"])}
    for part, head in (("control_", "with the control"), ("difference_", "difference")):
        columns[head] = intervals_of(table, *(f"{part}{name}" for name in ("mean", "low", "high")))
    return draw(columns, pd.Index(table["prompt"]))


TABLES = (
    StudyTable(make=_plain),
    StudyTable(
        make=_senses,
        name="senses",
        option="--senses",
        help="of homonyms: which meaning the images took",
        mode="cpid",
        refusal=_lacks_senses,
    ),
    StudyTable(
        make=_controls,
        name="controls",
        option="--controls",
        help="each pair beside a control word",
        quantities=(*QUANTITIES, ALIGNMENT),
    ),
    CLOSING,
)
