"""The tables of intervention studies, as `store table` prints them."""

import pandas as pd

from store.tables.correlations import effects
from store.tables.intervention import interventions
from store.tables.kinds.format import CLOSING, PrintedTable, StudyTable, TableRequest, draw, intervals, plain_text


def _images(request: TableRequest) -> PrintedTable:
    images = interventions(request.catalogue, request.study, **request.of_images, **request.setting)
    missing, absent = images.attrs["missing"], images.attrs["absent"]
    notes = [f"{count} of the images {change} are not there" for change, count in missing.items() if count]
    notes += [f"{absent} of {request.study.size} sentences are not there"] * (absent > 0) + images.attrs["problems"]
    return PrintedTable(images, plain_text, "changes, and what was measured of the word before", notes)


def _effects(request: TableRequest) -> PrintedTable:
    images = _images(request)
    table = effects(images.frame)
    notes = [f"Pearson correlation with {table.attrs['confidence']:.0%} intervals over prompts", *images.notes]
    parts = ", ".join(request.setting.values())
    return PrintedTable(table, effects_text, f"what predicts a change of the image (parts: {parts})", notes)


def effects_text(table: pd.DataFrame) -> str:
    """The correlation of each predictor, and how many prompts it is from."""
    columns = {each: intervals(table, each, "pearson") for each in table["pearson"]}
    return draw({**columns, "prompts": list(map(str, table["prompts", ""]))}, table.index)


TABLES = (
    StudyTable(make=_effects, mode="cpid"),
    StudyTable(
        make=_images,
        name="by-image",
        option="--by-image",
        help="a row for each image and change",
        mode="cpid",
    ),
    CLOSING,
)
