"""What the bias pages say about their numbers."""

import math

import streamlit as st

from pages.figures.quantities import MODE_NAMES, UNRELIABLE
from pages.figures.times import counted
from pages.sections.bias.grid import STAR, SUBJECT, parted
from pages.sections.bias.screen import BiasScreen
from pages.widgets import notices
from store.studies import Study

TABLES_MEANING = (
    "**With the attribute:** images whose prompt names it, as in the paper; how much attribute and occupation say "
    "twice. **Neutral probe:** images whose prompt names no attribute; what they say of each. **Over guidances:** what "
    "guidance of image generation does to the gaps."
)


def heading(asked: Study) -> None:
    """Title, question, and what a number is and is not."""
    st.title(notices.plain(asked.title), anchor=False)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        st.text(asked.question, width="stretch")
        with st.popover("What a number means"):
            for paragraph in _meaning(asked):
                st.markdown(paragraph)


def _meaning(asked: Study) -> list[str]:
    template, neutral = (notices.plain(text) for text in (asked.content.template, asked.content.neutral))
    found = [
        f"**With the attribute**: images of *{template}*. A value is the redundancy of both words: how much of what "
        "they tell the model about these images both of them say. Normalised, it is stretched from 0, the smallest "
        "mean of the table, to 1, the largest, as in the paper of Dewan et al. (2024), so it depends on which rows and "
        "columns there are. **gap** is the largest less the smallest mean of a row.",
        f"**Neutral probe**: images of *{neutral}*. **Contrast** is how much likelier the model holds these very "
        "images under the prompt with the attribute than under that with the others (the log ratio): above zero they "
        "look more like it. **Alignment** says whether attribute and occupation move the model's prediction alike, "
        "from \u22121 to 1. **Information** is how much the attribute's word says about these images, whichever way.",
        "An **interval** is a bootstrap over images: how far the mean would move with other seeds. A paired test over "
        f"seeds asks whether attributes differ; **q** is its p value corrected for the number of rows (Benjamini and "
        f"Hochberg), with {STAR} where it is significant. {UNRELIABLE} marks a mean smaller than half its interval, or "
        "one whose interval is not known, or from which values that were not finite were left out.",
        "It is a statement about how words move this model's predictions. It is no statement about people.",
    ]
    return found if asked.content.neutral else [found[0], *found[2:]]


def facts(shown: BiasScreen) -> str:
    """Under what the numbers of the table hold."""
    view, frame = shown.view, shown.table.frame
    if view.table == "neutral":
        said = ["Images that name no attribute", f"guidance {shown.guidance:g}"]
    else:
        said = [
            f"Redundancy of attribute and occupation under {view.measure}",
            f"{view.level} level",
            MODE_NAMES[view.mode],
        ]
        at = shown.guidances if view.table == "guidance" else [shown.guidance]
        said.append(f"guidance {', '.join(f'{level:g}' for level in at)}")
    if "seeds" in frame:
        most = int(frame["seeds"].iloc[:-1].to_numpy().max())
        images = f"{counted(most, 'image')} of each prompt at most"
        together = view.table == "attributes" and view.level == "prompt"
        said.append("one value over all images of a prompt" if together else images)
    said += [f"{frame.attrs['confidence']:.0%} intervals over images", f"{STAR} q at most {frame.attrs['alpha']:g}"]
    if view.table == "attributes":
        said.append(f"{UNRELIABLE} smaller than half its interval")
    return ", ".join(said) + "." + _stability(frame.attrs.get("order"))


def direction(order: str) -> str:
    """Of an order, as people read it."""
    key, descending = parted(order)
    if key == SUBJECT:
        return "Z to A" if descending else "A to Z"
    return "largest first" if descending else "smallest first"


def source(shown: BiasScreen) -> str:
    """Whose values stand beside those of the table, if any do."""
    about = shown.table.frame.attrs.get("published")
    if about is None:
        return ""
    return (
        f" Published are values of {about['model']}, normalised over its own table, so to be compared in order and "
        f"direction only: {about['source']}."
    )


def _stability(order: tuple[float, float, float] | None) -> str:
    if order is None or math.isnan(order[0]):
        return ""
    value, low, high = order
    return f" Order by gap against that of other seeds: rank correlation {value:.2f} ({low:.2f} to {high:.2f})."
