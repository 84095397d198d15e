"""Frames as CSV, JSON, LaTeX and Markdown. Prompts and words are arbitrary text and stay plain text in each.

Columns with two levels, as those of `store.tables.bias`, are joined: `mean female`. An unnamed index that only counts
rows is left out. What a frame is about (PROVENANCE in its `attrs`) and the day of export stand in every file.
"""

import json
import math
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from store.errors import InputError, StoreError
from store.files.atomic import replacing
from store.hdf5 import SOFTWARE

# Statistics of which the largest of a row is bold, as in Dewan et al. (2024).
COMPARED = ("mean", "normalised", "published", "information", "alignment", "contrast", "gap", "pearson")
ALONE = ("attribute", "guidance", "predictor")
DIGITS = 3
PROVENANCE = (
    "study",
    "model",
    "revision",
    "guidance",
    "mode",
    "measure",
    "level",
    "quantity",
    "failed_images",
    "recogniser",
    "notes",
)
WRITTEN = "exported"
WORDS = {  # for the names of quantities, where people read them
    "information_first": "I1, first word",
    "information_second": "I2, second word",
    "information_both": "I12, both words",
    "redundancy": "R, redundant",
    "unique_first": "U1, unique to the first word",
    "unique_second": "U2, unique to the second word",
    "synergy": "S, synergy",
    "conditional_first": "I(1|2), first word given the second",
    "conditional_second": "I(2|1), second word given the first",
    "standard_first": "log ratio, first word",
    "standard_second": "log ratio, second word",
    "standard_both": "log ratio, both words",
    "alignment": "alignment index",
}
STORED = {b"\x89HDF\r\n\x1a\n": "it holds results", b"SQLite format 3\0": "it is a database"}
DATABASE = ".sqlite"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
LATEX = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # after \\ it would begin an option, as * would
    "*": "{*}",
    "\u2212": "$-$",
    "\u00b1": r"$\pm$",
    "\u00d7": r"$\times$",
    "\u2013": "--",
    "\u2020": r"\textdagger{}",
    "\u03c1": r"$\rho$",
} | {special: f"\\{special}" for special in "&%$#_{}"}
MARKDOWN = re.compile(r"[\\`*_\[\]{}|~$#!:@]|(?<=www)\.", re.IGNORECASE)
Bold = Sequence[Sequence[Hashable]]


def csv_text(frame: pd.DataFrame) -> str:
    """Return comma-separated values (RFC 4180), numbers in full precision, missing values empty, no units.

    Text is quoted, and headed by an apostrophe where a spreadsheet would take it for a formula: where it begins, in
    any width and after any blanks, with = + - @, tab or a line break. Numbers are left alone, negative ones too. What
    the frame is about stands in columns of its own, the same in each row.
    """
    names, rows = _table(frame)
    about = {name: value for name, value in provenance(frame).items() if name not in names}
    lines: list[list] = [[*names, *about], *([*row, *about.values()] for row in rows)]
    return "".join(",".join(map(_csv_cell, line)) + "\r\n" for line in lines)


def json_text(frame: pd.DataFrame) -> str:
    """Return strict JSON: `software`, `exported`, `about` (the frame's `attrs`), `columns` with units, `rows`.

    Values that are not finite are null.
    """
    names, rows = _table(frame)
    about = dict(frame.attrs)
    units = about.pop("units", {})
    keys: list = [*names[: len(names) - frame.shape[1]], *frame.columns]
    measured = [key[0] if isinstance(key, tuple) else key for key in keys]
    columns = [{"name": name, "unit": units.get(key)} for name, key in zip(names, measured, strict=True)]
    document = {
        "software": SOFTWARE,
        WRITTEN: _today(),
        "about": about,
        "columns": columns,
        "rows": [dict(zip(names, row, strict=True)) for row in rows],
    }
    return json.dumps(_plain(document), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def provenance(frame: pd.DataFrame) -> dict[str, str]:
    """Return what the frame is about, by its `attrs`, and the day of export; nothing where they say nothing."""
    known = {name: _listed(frame.attrs[name]) for name in PROVENANCE if name in frame.attrs}
    return {**known, WRITTEN: _today()} if known else {}


def caption(frame: pd.DataFrame, title: str = "") -> str:
    """Return one sentence for a table: its title, what it is about, and the day of export."""
    about = dict(provenance(frame))
    exported, quantity, notes = (about.pop(name, "") for name in (WRITTEN, "quantity", "notes"))
    head = ": ".join(filter(None, (title, WORDS.get(quantity, quantity))))
    text = "; ".join(filter(None, (head, ", ".join(f"{name} {value}" for name, value in about.items() if value))))
    said = f"{text}. {notes}".strip(". ")
    return f"{said}. {SOFTWARE}, {exported}." if text and exported else said


def file_stem(frame: pd.DataFrame, title: str) -> str:
    """Return a file name without suffix: the title, what the table is about, and the day of export."""
    about = provenance(frame)
    if "guidance" in about:
        about["guidance"] = f"guidance {about['guidance']}"
    parts = [title[:80], *(value for name, value in about.items() if name not in ("study", "notes"))]
    return re.sub(r"[^\w.]+", "-", " ".join(parts).casefold()).strip("-.")[:200]


def latex(frame: pd.DataFrame, *, digits: int = DIGITS, bold: Bold | None = None, title: str = "") -> str:
    r"""Return a table that needs `\usepackage{booktabs}`, the largest value of each row in bold as in the paper.

    It is a `table` with a `caption`, or a bare `tabular` where neither `title` nor `attrs` say what it is about.

    `bold` names groups of columns to be compared within a row; by default they are the attributes (guidances,
    predictors) of each statistic in COMPARED, or all columns of one taken alone: `latex(table["normalised"])`.
    An interval, `low` and `high` right after a statistic, stands in one cell with it. Non-ASCII letters are kept
    (UTF-8). Missing values are dashes.
    """
    names, numeric, rows = _formatted(frame, digits, bold, _latex_cell, r"\textbf{{{}}}")
    align = "".join("r" if each else "l" for each in numeric)
    head, *body = (" & ".join(line) + r" \\" for line in ([_latex_cell(name, digits) for name in names], *rows))
    lines = [rf"\begin{{tabular}}{{{align}}}", r"\toprule", head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}"]
    if about := caption(frame, title):
        above = [r"\begin{table}", r"\centering", rf"\caption{{{_latex_cell(about, digits)}}}"]
        lines = [*above, *lines, r"\end{table}"]
    return "\n".join([*lines, ""])


def markdown(frame: pd.DataFrame, *, digits: int = DIGITS, bold: Bold | None = None, title: str = "") -> str:
    """Return a table as GitHub draws it; numbers, intervals, bold and caption as in `latex`, missing values empty."""
    names, numeric, rows = _formatted(frame, digits, bold, _markdown_cell, "**{}**")
    align = ["---:" if each else "---" for each in numeric]
    lines = [[_markdown_cell(name, digits) for name in names], align, *rows]
    about = caption(frame, title)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + (
        f"\n{_markdown_cell(about, digits)}\n" * bool(about)
    )


def texts(frame: pd.DataFrame, *, digits: int = DIGITS) -> tuple[list[str], list[list[str]]]:
    """Return the names of all columns, those of the index first, and the cells of all rows, as plain text.

    Numbers are as in `latex`, missing values are dashes.
    """
    names, _, rows = _formatted(frame, digits, [], _text_cell, "{}")
    return names, rows


FORMATS: dict[str, Callable[..., str]] = {"csv": csv_text, "json": json_text, "tex": latex, "md": markdown}
TITLED = ("tex", "md")


def guarded(text: str) -> str:
    """Return `text`, headed by an apostrophe where a spreadsheet would take it for a formula."""
    shown = unicodedata.normalize("NFKC", text)
    begun = "".join(c for c in shown if c in FORMULA or not (c.isspace() or unicodedata.category(c) in ("Cc", "Cf")))
    return "'" + text if begun.startswith(FORMULA) else text


def encoded(frame: pd.DataFrame, kind: str, title: str = "") -> bytes:
    """Return `frame` in one of FORMATS, in UTF-8. CSV begins with a byte order mark: Excel mistakes letters without it.

    LaTeX and Markdown have a caption that begins with `title`.

    Raises
    ------
    InputError: no such format.
    """
    if kind not in FORMATS:
        raise InputError(f"format {kind!r}", "not known", f"use one of {', '.join(FORMATS)}")
    mark = "\ufeff" if kind == "csv" else ""
    titled = {"title": title} if kind in TITLED else {}
    return (mark + FORMATS[kind](frame, **titled)).encode(errors="replace")


def write(frame: pd.DataFrame, path: Path, kind: str = "", title: str = "") -> None:
    """Write `frame` as `kind`, or what the suffix of `path` names; the file appears whole or not at all.

    Raises
    ------
    InputError: no such format, or `path` is what an export must not replace.
    StoreError: it cannot be written.
    """
    check_target(path)
    content = encoded(frame, kind or path.suffix.removeprefix(".").casefold(), title)
    try:
        with replacing(path) as aside:
            aside.write_bytes(content)
    except OSError as error:
        raise StoreError(path, f"cannot be written ({error.strerror or error})", "choose another place") from error


def check_target(path: Path, over_results: bool = False) -> None:
    """Raise an InputError if an export must not replace what is at `path`.

    That is whatever is no regular file (a link, device or pipe), a database, and, unless `over_results`, a file that
    holds results.
    """
    mend = "choose another name"
    if path.name.casefold().endswith(DATABASE):
        raise InputError(str(path), "databases of a store have such names", mend)
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise InputError(str(path), "it is there and no regular file", mend)
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            begun = file.read(16)
    except (OSError, ValueError):  # nothing is there, or nothing that can be read: writing says what is wrong
        return
    for magic, cause in STORED.items():
        if begun.startswith(magic) and not (over_results and b"HDF" in magic):
            raise InputError(str(path), cause, mend)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _listed(value: object) -> str:
    values = value if isinstance(value, (list, tuple)) else [value]
    return ", ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in values)


def _table(frame: pd.DataFrame) -> tuple[list[str], list[list[object]]]:
    """Return the names of all columns, those of the index first, and the rows."""
    counted = isinstance(frame.index, pd.RangeIndex) and frame.index.name is None
    levels = 0 if counted else frame.index.nlevels
    names = ["" if name is None else str(name) for name in frame.index.names[:levels]]
    names += [_joined(column) for column in frame.columns]
    labels = [frame.index.get_level_values(level).astype(object) for level in range(levels)]
    values = [frame.iloc[:, place].astype(object) for place in range(frame.shape[1])]
    return names, [list(row) for row in zip(*labels, *values, strict=True)]


def _joined(column: Hashable) -> str:
    return " ".join(str(part) for part in column if str(part)) if isinstance(column, tuple) else str(column)


def _heading(column: Hashable) -> str:
    """Return the name of a column in words; of two levels only the first has names of the software."""
    first, *rest = column if isinstance(column, tuple) else (column,)
    return _joined((_words(first), *rest))


def _words(name: Any) -> Any:
    """Return a name of the software in words: that of a quantity, or without underscores."""
    return WORDS.get(name, name.replace("_", " ") if name.isidentifier() else name) if isinstance(name, str) else name


def _numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _missing(value: object) -> bool:
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, (float, np.floating)) and math.isnan(value))
    )


def _number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _csv_cell(value: object) -> str:
    if _missing(value):
        return ""
    if _number(value) or isinstance(value, (bool, np.bool_)):
        return str(value)
    return '"' + guarded(str(value)).replace('"', '""') + '"'


def _plain(value: object) -> object:
    """Return `value` as JSON has it."""
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if _missing(value) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, (bool, int, float)) else str(value)


def _formatted(
    frame: pd.DataFrame, digits: int, bold: Bold | None, cell: Callable[[object, int], str], mark: str
) -> tuple[list[str], list[bool], list[list[str]]]:
    """Return headings of the columns, whether each holds numbers, and the rows as text."""
    names, rows = _table(frame)
    first = len(names) - frame.shape[1]
    names = [*map(_words, names[:first]), *map(_heading, frame.columns)]
    rows = [[*(_words(cell) for cell in row[:first]), *row[first:]] for row in rows] if names[:first] == [""] else rows
    heavy = np.zeros(frame.shape, bool)
    for group in _compared(frame) if bold is None else bold:
        places = [place for place, column in enumerate(frame.columns) if column in group]
        values = frame.iloc[:, places].to_numpy(float)
        values = np.where(np.isfinite(values), values, -np.inf)
        several = np.isfinite(values).sum(1) > 1
        heavy[:, places] |= (values == values.max(1, keepdims=True, initial=-np.inf)) & several[:, None]
    texts = [[cell(value, digits) for value in row] for row in rows]
    for row, column in zip(*np.nonzero(heavy), strict=True):
        texts[row][first + column] = mark.format(texts[row][first + column])
    for value, low, high in (ends := _intervals(frame)):
        for text, row in zip(texts, rows, strict=True):
            if not _missing(row[first + low]):
                text[first + value] += f" [{text[first + low]}, {text[first + high]}]"
    folded = {first + end for _, *both in ends for end in both}
    kept = [place for place in range(len(names)) if place not in folded]
    numeric = [False] * first + [_numeric(frame.iloc[:, place]) for place in range(frame.shape[1])]
    return [names[i] for i in kept], [numeric[i] for i in kept], [[text[i] for i in kept] for text in texts]


def _intervals(frame: pd.DataFrame) -> list[tuple[int, int, int]]:
    """Return the places of each statistic that its `low` and `high` of the same attribute follow, and theirs."""
    places: dict[Hashable, list[tuple[int, str]]] = {}
    for place, column in enumerate(frame.columns):
        statistic, of = (str(column[0]), column[1:]) if isinstance(column, tuple) else (str(column), ())
        places.setdefault(of, []).append((place, statistic))
    return [
        (value, low, high)
        for listed in places.values()
        for (value, _), (low, lower), (high, upper) in zip(listed, listed[1:], listed[2:], strict=False)
        if (lower, upper) == (f"{lower.removesuffix('low')}low", f"{lower.removesuffix('low')}high")
    ]


def _compared(frame: pd.DataFrame) -> Bold:
    """Return the groups of columns that are one statistic of several attributes, guidances or predictors."""
    if frame.columns.names[0] == "statistic":
        return [[column for column in frame.columns if column[0] == name] for name in COMPARED]
    return [[column for column in frame if _numeric(frame[column])]] if frame.columns.names[0] in ALONE else []


def _rounded(value: object, digits: int) -> str:
    """Return a number with `digits` decimals, or as many significant digits where those would all be zero."""
    if not isinstance(value, (float, np.floating)):
        return str(value)
    fixed = f"{value:.{digits}f}"
    return fixed if value == 0 or float(fixed) else f"{value:.{max(1, digits - 1)}g}"


def _one_line(value: object) -> str:
    return "".join(" " if c.isspace() else c for c in str(value) if c.isspace() or unicodedata.category(c) != "Cc")


def _latex_cell(value: object, digits: int) -> str:
    if _missing(value):
        return "--"
    if _number(value):
        text = _rounded(value, digits)
        return f"$-${text[1:]}" if text.startswith("-") else text
    return "".join(LATEX.get(character, character) for character in _one_line(value))


def _text_cell(value: object, digits: int) -> str:
    if _missing(value):
        return "\u2013"
    return _rounded(value, digits).replace("-", "\u2212") if _number(value) else _one_line(value)


def _markdown_cell(value: object, digits: int) -> str:
    if _missing(value):
        return ""
    if _number(value):
        return _rounded(value, digits)
    text = _one_line(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MARKDOWN.sub(lambda found: "\\" + found.group(), text)
