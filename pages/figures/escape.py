"""Texts of files, links, studies and notes, shown as they are wherever Markdown or markup is read."""

import re
import string
from html import escape

JOINER = "\u2060"  # without width: it parts what Streamlit would join to a link, a sign or a logo after all escapes
SIGNS = r"(?<!\S)(?:(?=<->)<|(?=->)-|(?=<-)<|(?=--)-|(?=[><~]=)[><~])(?=\S\S?(?!\S))"  # alone: --option is none
JOINED = re.compile(rf"(https?:)(?=//)|(www)(?=\.)|(:)(?=streamlit:)|(\S)(?=@)|({SIGNS})", re.IGNORECASE)


def plain(text: str) -> str:
    """Return `text` for places that read Markdown: in one line, shown as it is, never interpreted."""
    parted = JOINED.sub(rf"\g<0>{JOINER}", " ".join(text.split()))
    return "".join(f"\\{letter}" if letter in string.punctuation else letter for letter in parted)


def plain_markup(text: str) -> str:
    """Return `text` for Plotly, which reads tags everywhere, and fields such as `%{x}` in what it shows on hovering."""
    return escape(text, quote=False).replace("%{", "%&#123;")
