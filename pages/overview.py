"""What the tool answers, what the store holds, and the way to each result."""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from pages import address
from pages.data import glossary, results
from pages.data.selection import view_of
from pages.data.shell_commands import pair_label
from pages.figures.quantities import MODE_NAMES, QUANTITIES, factor, reliable
from pages.sections import findings
from pages.widgets import exports, notices, paging
from store.catalogue import Catalogue, Entry, Filter
from store.errors import StoreError

PAGE = ""
COLUMNS = ("both", "redundancy", "unique_first", "unique_second", "synergy")
CARDS = 6
ROWS = 50
ENDS = {  # order -> what comes first, ascending and descending
    "created": ("Oldest first", "Newest first"),
    "prompt": ("Prompt, A to Z", "Prompt, Z to A"),
    "pair": ("Pair, A to Z", "Pair, Z to A"),
    "seeds": ("Fewest images", "Most images"),
}
DIRECTIONS = [f"{sign}{name}" for name in COLUMNS for sign in ("-", "")]
SORTS = ("-created", "created", "prompt", "pair", "-seeds", *DIRECTIONS)


def main() -> None:
    """The page."""
    view = address.current(address.OverviewView)
    root = results.folder(view)
    listing = results.Listing(root)
    st.title("Which word put what into the picture", anchor=False)
    st.markdown(
        "This dashboard shows how much two words of a prompt tell a text-to-image model about each pixel of an image. "
        f"It splits this {glossary.link('information', 'information')} into what both words say "
        f"({glossary.link('redundancy', 'redundancy R')}), what only one of them says "
        f"({glossary.link('uniqueness', 'uniqueness U1, U2')}) and what only both together say "
        f"({glossary.link('synergy', 'synergy S')}). Maps show where, totals show how much, and standard errors show "
        "how far to trust them."
    )
    st.caption(
        "A number is a statement about what words do to the model's prediction. It is no statement about people: a "
        "high redundancy of a gender and an occupation says how this model draws, not how anyone is."
    )
    notices.broken(listing.broken(), root, expanded=True)
    if not listing.count():
        notices.empty(view, root)
        return
    finish = (lambda: None) if view.filter or view.page else findings.draw(view, listing)
    _everything(view, listing)
    finish()


def _everything(view: address.View, listing: Catalogue) -> None:
    """How much there is, and the way to every result."""
    _figures(listing)
    st.text_input(
        "Filter by words of the prompt",
        **address.bind_field("filter", view.filter, ["page"], start="value"),
        placeholder="doctor",
    )
    wanted = Filter(text=view.filter, model=view.model)
    number = listing.count(wanted)
    if not number:
        st.text(f"Nothing of model {view.model}" + (f" with {view.filter} in its prompt" if view.filter else ""))
        return
    _cards(view, listing, wanted)
    _results(view, listing, wanted, number)


def _figures(listing: Catalogue) -> None:
    """How much there is, over all models."""
    there = listing.summary()
    numbers = {
        "Prompts": there.prompts,
        "Pairs of words": there.pairs,
        "Images": there.images,
        "Models": there.models,
    }
    for column, (name, number) in zip(st.columns(len(numbers)), numbers.items(), strict=True):
        column.metric(name, f"{number:,}")


def _cards(view: address.View, listing: Catalogue, wanted: Filter) -> None:
    """The newest prompts, with their first image."""
    prompts = listing.values("prompt", wanted, CARDS)
    newest = [entry for prompt in prompts for entry in listing.page(replace(wanted, prompt=prompt), limit=1)]
    st.subheader("Newest", anchor=False)
    for column, entry in zip(st.columns(CARDS), newest, strict=False):
        with column.container(border=True, height="stretch", gap="xsmall"):
            try:
                st.image(results.thumbnails(entry.path)[0], width="stretch", alt=f"First image of: {entry.key.prompt}")
            except StoreError as error:
                st.caption(notices.plain(str(error)))
            st.text(entry.key.prompt)
            st.caption(notices.plain(pair_label(entry.key.prompt, entry.pair)))
            st.page_link(
                "explorer.py",
                label="Explore",
                icon=":material/arrow_forward:",
                icon_position="right",
                query_params=view_of(entry, view).parameters,
            )


def _results(view: address.View, listing: Catalogue, wanted: Filter, number: int) -> None:
    """All results, some at a time."""
    part = paging.part(view, number, ROWS)
    sort = view.order((*ENDS, *QUANTITIES), SORTS[0])
    name = sort.removeprefix("-")
    column = QUANTITIES[name].column if name in QUANTITIES else name
    entries = listing.page(wanted, column, sort.startswith("-"), ROWS, part.first)
    measures = list(dict.fromkeys(entry.measure for entry in entries))
    heading, order = st.columns([4, 1], vertical_alignment="bottom")
    heading.subheader(f"All results of this model, in {view.unit}, pixel level, {' or '.join(measures)}", anchor=False)
    sorts = list(dict.fromkeys([*SORTS, sort]))
    order.selectbox(
        "Sort",
        sorts,
        format_func=_order,
        help="Sorts all results. A click on the head of a column sorts only the rows that are shown.",
        **address.bind_field("sort", sort, ["page"], start="index", among=sorts),
    )
    _table(view, entries, measures)
    paging.buttons(part)


def _order(sort: str) -> str:
    """An order as people read it."""
    name = sort.removeprefix("-")
    if name in ENDS:
        return ENDS[name][sort.startswith("-")]
    return f"{'Largest' if sort.startswith('-') else 'Smallest'} {QUANTITIES[name].symbol}"


def _table(view: address.View, entries: Sequence[Entry], measures: Sequence[str]) -> None:
    """One page of results; a link opens one by its content, wherever sorting moved it."""
    scale, rows = factor(view.unit), []
    for entry in entries:
        totals = {name: entry.totals[QUANTITIES[name].column] for name in COLUMNS}
        link = "explorer?" + urlencode(view_of(entry, view).parameters)
        pair = pair_label(entry.key.prompt, entry.pair)
        row: dict[str, object] = {"Open": link, "Prompt": entry.key.prompt, "Pair": pair}
        guidance = "own image" if entry.key.image else f"{entry.key.guidance:g}"
        row |= {"Mode": entry.mode.upper(), "Guidance": guidance, "Seeds": entry.seeds}
        row |= {"Measure": entry.measure} if len(measures) > 1 else {}
        for name, (total, error) in totals.items():
            row[QUANTITIES[name].symbol] = total * scale
            row[f"\u00b1 {QUANTITIES[name].symbol}"] = error * scale
        row["Unreliable"] = ", ".join(QUANTITIES[n].symbol for n, values in totals.items() if not reliable(*values))
        rows.append(row)
    if measures != [view.measure]:
        st.caption(
            f"R, U1, U2 and S in this table are stored totals under {' or '.join(measures)}. The Explorer shows them "
            f"under the measure of the sidebar, {view.measure}."
        )
    number = st.column_config.NumberColumn
    exports.frame(
        pd.DataFrame(rows),
        alt="Results, one row per prompt, pair and mode",
        column_config={
            "Prompt": st.column_config.TextColumn(width=160),
            "Mode": st.column_config.TextColumn(
                width=55, help=glossary.explained("; ".join(MODE_NAMES.values()), "mode")
            ),
            "Guidance": st.column_config.TextColumn(width=70, help="Of image generation"),
            "Measure": st.column_config.TextColumn(width=70, help="Redundancy measure of the stored R, U1, U2 and S"),
            "Unreliable": st.column_config.TextColumn(
                help=glossary.explained("Smaller than twice the standard error, or not finite.", "not-reliable")
            ),
            "Open": st.column_config.LinkColumn(display_text="open", width=60, help="Opens this result"),
            **{
                QUANTITIES[name].symbol: number(
                    format="%.2f",
                    help=glossary.explained(f"Mean total over seeds, {view.unit}.", QUANTITIES[name].anchor),
                )
                for name in COLUMNS
            },
            **{
                f"\u00b1 {QUANTITIES[name].symbol}": number(
                    format="%.2f", help=glossary.explained("Standard error.", "standard-error")
                )
                for name in COLUMNS
            },
        },
    )


main()
