"""What the bias pages say about their numbers."""

import math

import streamlit as st

from pages.address import FAILED
from pages.data import glossary
from pages.figures.quantities import MODE_NAMES, UNRELIABLE
from pages.figures.times import counted
from pages.sections.bias.grid import STAR, SUBJECT, parted
from pages.sections.bias.screen import BiasScreen
from pages.widgets import notices
from store.prompts.wording import fill
from store.studies import Study

TABLES_MEANING = (
    "**With the attribute.** The prompt names the attribute, as in the paper. The table says how much attribute and "
    "occupation say twice.\n\n**Neutral probe.** The prompt names no attribute. The table says what the images tell of "
    "each.\n\n**Over guidances.** How the gaps change with the guidance of image generation.\n\n"
    "**Sensitivity.** How far the table depends on measure, level and seeds."
)
SCALES_MEANING = (
    "**nats, bits.** The redundancy itself.\n\n**0 to 1.** The table is stretched from 0, its smallest mean, to 1, its "
    "largest, as in the paper. It depends on which rows are in the table."
)
FAILED_MEANING = (
    "An image fails if it does not show all that its prompt names: it is nearer to something else, or near to nothing "
    "that the model was taught. At the level *prompt*, which has one value over all images, they cannot be left out."
)
TERMS = {"redundancy": "redundancy", "gap": "gap", "interval": "interval", "q": "q", "normalised": "0 to 1"}
NEUTRAL_TERMS = {"neutral-probe": "neutral probe", "contrast": "contrast", "alignment-index": "alignment"}


def heading(asked: Study) -> None:
    """Title, question, and what a number is and is not."""
    st.title(notices.plain(asked.title), anchor=False)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        st.text(asked.question, width="stretch")
        with st.popover("What a number means"):
            for paragraph in _meaning(asked):
                st.markdown(paragraph)


def _meaning(asked: Study) -> list[str]:
    about = {"attribute": asked.content.attributes[0], "subject": asked.content.subjects[0]}
    template, neutral = (notices.plain(fill(text, **about)) for text in (asked.content.template, asked.content.neutral))
    found = [
        f"**With the attribute**: images of prompts such as *{template}*. A value is the redundancy of both words: "
        "what attribute and occupation both tell the model about these images. **0 to 1** stretches the table from its "
        "smallest mean to its largest, as Dewan et al. (2024) do. So it depends on which rows and columns are in the "
        "table. **gap** is the largest mean of a row less the smallest.",
        f"**Neutral probe**: images of prompts such as *{neutral}*. **Contrast** compares the prompts with each "
        "attribute: how much likelier does the model find these images under one than under the others (log ratio)? "
        "Above zero the images look more like it. **Alignment** says whether attribute and occupation move the "
        "prediction the same way (1) or opposite ways (\u22121). **Information** is how much the word of the attribute "
        "says about these images.",
        "An **interval** says where the mean would lie with other seeds, 19 times of 20. A paired test over seeds asks "
        "whether attributes differ. **q** is its p value, corrected for the number of rows (Benjamini and Hochberg); "
        f"{STAR} marks significant rows. {UNRELIABLE} marks a mean that cannot be told from zero: it is smaller than "
        "half its interval. It also marks means without an interval, and means from which values were left out "
        "because they were not finite.",
        "A number is a statement about how words move this model's predictions. It is no statement about people.",
    ]
    terms = TERMS | (NEUTRAL_TERMS if asked.content.neutral else {})
    found.append("What is " + ", ".join(glossary.link(anchor, name) for anchor, name in terms.items()) + "?")
    return found if asked.content.neutral else [found[0], *found[2:]]


UNSEEN = "Nobody looked at what the images show. This does: python -m compute recognise {} --model {}"


def facts(shown: BiasScreen) -> str:
    """Under what the numbers of the table hold."""
    view, frame = shown.view, shown.table.frame
    if view.table == "neutral":
        said = ["Images whose prompt names no attribute", f"guidance {shown.guidance:g}"]
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
    if frame.attrs.get("noises"):
        said.append(f"{frame.attrs['noises']} noises an image")
    if view.table == "attributes" and "failed" in frame:
        failed, checked = (int(frame.loc["average", (name, "")]) for name in ("failed", "checked"))
        left = "left out" if view.failed == FAILED[1] and view.level != "prompt" else "kept"
        by = f", by {frame.attrs['recogniser']}," if "recogniser" in frame.attrs else ""
        said.append(f"{failed} of {checked} images do not show what was asked{by} and are {left}")
    if "left_out" in frame.attrs:
        said.append("{} of {} images do not show what was asked and are left out".format(*frame.attrs["left_out"]))
    said += [f"{frame.attrs['confidence']:.0%} intervals over images", f"{STAR} q at most {frame.attrs['alpha']:g}"]
    if view.table == "attributes":
        said.append(f"{UNRELIABLE} cannot be told from zero: smaller than half its interval")
    closing = frame.attrs.get("closing", "")
    if view.table == "attributes" and "failed" not in frame:
        closing = f"{closing} {UNSEEN.format(shown.asked.name, view.model)}".strip()
    return ", ".join(said) + "." + _stability(frame.attrs.get("order")) + f" {closing}" * bool(closing)


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
        f" Published are values of {about['model']}, from 0 to 1 over its own table: {about['source']}. Compare order "
        "and direction, not size."
    )


def _stability(order: tuple[float, float, float] | None) -> str:
    if order is None or math.isnan(order[0]):
        return ""
    value, low, high = order
    said = f"{value:.2f} ({low:.2f} to {high:.2f})".replace("-", "\u2212")
    return f" Stability of the order by gap under other seeds: rank correlation {said}."
