"""What the tool answers, what the store holds, and the way to each result."""

from collections.abc import Sequence
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from pages.common import notices, reading, state
from pages.common.quantities import MODE_NAMES, QUANTITIES, factor, reliable
from store.catalogue import Entry
from store.errors import StoreError

PAGE = ""
COLUMNS = ("both", "redundancy", "unique_first", "unique_second", "synergy")
CARDS = 6


def main() -> None:
    """The page."""
    view = state.current()
    root = reading.folder(view)
    entries, broken = reading.contents(root)
    st.title("Which word put what into the picture", anchor=False)
    st.markdown(
        "For two words of a prompt, this tool measures how much each tells the model about each pixel of a generated "
        "image. It splits that information into what both words say (redundancy R), what only one of them says "
        "(uniqueness U1, U2) and what only both together say (synergy S). Maps show where, totals how much, and "
        "standard errors how far to trust them."
    )
    st.caption(
        "A number here is a statement about what the words do to the model's prediction of an image. It is no "
        "statement about people: a high redundancy of a gender and an occupation says how this model draws, not "
        "how anyone is."
    )
    notices.broken(broken, root, expanded=True)
    if not entries:
        notices.empty(view, root)
        return
    _figures(entries)
    st.text_input("Filter by words of the prompt", **state.bound("filter", view.filter), placeholder="doctor")
    found = [entry for entry in entries if entry.key.model == view.model and _matches(entry, view.filter)]
    if not found:
        st.text(f"Nothing of model {view.model}" + (f" with {view.filter} in its prompt" if view.filter else ""))
        return
    _cards(view, found)
    _table(view, found)


def _matches(entry: Entry, text: str) -> bool:
    return all(word in entry.key.prompt.casefold() for word in text.casefold().split())


def _figures(entries: Sequence[Entry]) -> None:
    """How much there is, over all models."""
    images: dict[object, int] = {}
    for entry in entries:
        images[entry.path] = max(images.get(entry.path, 0), entry.seeds)
    numbers = {
        "Prompts": len({entry.key.prompt for entry in entries}),
        "Pairs of words": len({(entry.path, entry.pair) for entry in entries}),
        "Images": sum(images.values()),
        "Models": len({entry.key.model for entry in entries}),
    }
    for column, (name, number) in zip(st.columns(len(numbers)), numbers.items(), strict=True):
        column.metric(name, f"{number:,}")


def _cards(view: state.View, entries: Sequence[Entry]) -> None:
    """The newest prompts, with their first image."""
    newest = list({entry.key.prompt: entry for entry in reversed(entries)}.values())[::-1][:CARDS]
    st.subheader("Newest", anchor=False)
    for column, entry in zip(st.columns(CARDS), newest, strict=False):
        with column.container(border=True, height="stretch", gap="xsmall"):
            try:
                st.image(reading.thumbnails(entry.path)[0], width="stretch", alt=f"First image of: {entry.key.prompt}")
            except StoreError as error:
                st.caption(notices.plain(str(error)))
            st.text(entry.key.prompt)
            st.caption(notices.plain(state.pair_label(entry.key.prompt, entry.pair)))
            st.page_link(
                "explorer.py",
                label="Explore",
                icon=":material/arrow_forward:",
                icon_position="right",
                query_params=state.view_of(entry, view).parameters("explorer"),
            )


def _table(view: state.View, entries: Sequence[Entry]) -> None:
    """All results; a link opens one by its content, wherever sorting moved it."""
    scale, rows = factor(view.unit), []
    measures = list(dict.fromkeys(entry.measure for entry in entries))
    for entry in entries:
        totals = {name: entry.totals[QUANTITIES[name].column] for name in COLUMNS}
        link = "explorer?" + urlencode(state.view_of(entry, view).parameters("explorer"))
        pair = state.pair_label(entry.key.prompt, entry.pair)
        row: dict[str, object] = {"Open": link, "Prompt": entry.key.prompt, "Pair": pair}
        row |= {"Mode": entry.mode.upper(), "Seeds": entry.seeds}
        row |= {"Measure": entry.measure} if len(measures) > 1 else {}
        for name, (total, error) in totals.items():
            row[QUANTITIES[name].symbol] = total * scale
            row[f"\u00b1 {QUANTITIES[name].symbol}"] = error * scale
        row["Unreliable"] = ", ".join(QUANTITIES[n].symbol for n, values in totals.items() if not reliable(*values))
        rows.append(row)
    st.subheader(f"All results of this model, in {view.unit}, pixel level, {' or '.join(measures)}", anchor=False)
    if measures != [view.measure]:
        st.caption(
            f"R, U1, U2 and S in this table are stored totals under {' or '.join(measures)}; the sidebar's measure, "
            f"{view.measure}, acts in the Explorer."
        )
    number = st.column_config.NumberColumn
    symbols = [QUANTITIES[name].symbol for name in COLUMNS]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        alt="Results, one row per prompt, pair and mode",
        column_config={
            "Prompt": st.column_config.TextColumn(width=160),
            "Mode": st.column_config.TextColumn(width=55, help="; ".join(MODE_NAMES.values())),
            "Measure": st.column_config.TextColumn(width=70, help="Redundancy measure of the stored R, U1, U2 and S"),
            "Unreliable": st.column_config.TextColumn(help="Smaller than twice the standard error, or not finite"),
            "Open": st.column_config.LinkColumn(display_text="open", width=60, help="Opens this result"),
            **{symbol: number(format="%.1f", help=f"Mean total over seeds, {view.unit}") for symbol in symbols},
            **{f"\u00b1 {symbol}": number(format="%.1f", help="Standard error of estimation") for symbol in symbols},
        },
    )


main()
