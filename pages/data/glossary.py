"""The glossary of docs/glossary.md: the Method page shows it, and help texts lead to its terms there."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pages import address

FILE = Path(__file__).parents[2] / "docs" / "glossary.md"
LINE = re.compile(r"- <a id=\"(?P<anchor>[^\"]+)\"></a>\*\*(?P<name>.+?)\*\*(?: \((?P<symbols>.+?)\))?: (?P<text>.+)")
WHAT = "What is this?"


class Term(NamedTuple):
    """One term: its place on the Method page, its symbols, and what it means, in Markdown."""

    anchor: str
    name: str
    symbols: str
    text: str


@cache
def topics() -> dict[str, list[Term]]:
    """Return all terms by topic, in the order of the file; nothing where the software came without its documents."""
    found: dict[str, list[Term]] = {}
    for line in FILE.read_text(encoding="utf-8").splitlines() if FILE.exists() else ():
        if line.startswith("## "):
            found[line.removeprefix("## ")] = []
        elif term := LINE.fullmatch(line):
            found[list(found)[-1]].append(Term(*(part or "" for part in term.group(*Term._fields))))
    return found


def link(anchor: str, words: str = WHAT) -> str:
    """Return a link, in Markdown, from a page to the term with that anchor.

    It names all that pages share: a page that completes its address loses the anchor before it has drawn the term.
    """
    return f"[{words}](method{address.shared_query()}#{anchor})"


def explained(text: str, anchor: str) -> str:
    """Return a help text that ends in the link to its term."""
    return f"{text} {link(anchor)}"
