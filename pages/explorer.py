"""Any computed prompt: its images, the maps of a pair of words over them, the totals and the noise levels."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from pages.common import notices, reading, result, state
from pages.common.quantities import MODE_MEANING, MODE_NAMES
from store.catalogue import Entry
from store.errors import StoreError
from store.records import Probe

PAGE = "explorer"


def main() -> None:
    """Resolve what the address names, and draw it or say what is missing."""
    view = state.current()
    root = reading.folder(view)
    entries, broken = reading.contents(root)
    if not entries:
        notices.broken(broken, root, expanded=True)
        notices.empty(view, root)
        return
    mode, seed = state.habit()
    entry = state.resolve(view, entries, root, mode)
    notices.broken(broken, root, expanded=isinstance(entry, state.Missing))
    if isinstance(entry, state.Missing):
        notices.missing(entry)
        return
    try:
        record = reading.record(entry.path, entry.pair)
    except StoreError as error:
        st.error(notices.plain(str(error)))
        return
    (pair,) = record.pairs
    seeds = [str(number) for number in pair.seeds]
    same = [other for other in entries if other.key.model == entry.key.model and other.key.prompt == entry.key.prompt]
    runs = {state.run_of(other): other for other in same if other.pair == entry.pair}
    view = replace(
        view,
        prompt=entry.key.prompt,
        run=state.run_of(entry) if len(runs) > 1 else "",
        pair=entry.pair,
        mode=entry.mode,
        seed=view.seed or (seed if seed in seeds else seeds[0]),
    )
    state.show(view, PAGE)
    prompts = list(dict.fromkeys(other.key.prompt for other in entries if other.key.model == entry.key.model))
    pairs = list(dict.fromkeys(other.pair for other in same))
    _choices(view, prompts, pairs, runs, list(pair.information))
    if isinstance(pair.pair, Probe):
        st.caption(
            "A probe asks what two words say about these images. They need not stand in the prompt, so there is no "
            "context for them, and only PID."
        )
    if view.seed not in seeds:
        notices.missing(_missing_seed(view, root, seeds))
        return
    state.remember_habit(view.mode, view.seed)
    result.draw(view, entry.path, record, pair)


def _choices(view: state.View, prompts: list[str], pairs: list[str], runs: dict[str, Entry], modes: list[str]) -> None:
    """The row of controls. A choice empties those that depend on it."""
    _, *after_prompt = state.SELECTION
    _, *after_pair = after_prompt
    _, *after_run = after_pair
    columns = st.columns([5, 3, 4] if len(runs) == 1 else [4, 3, 3, 4])
    columns[0].selectbox("Prompt", prompts, help="Type to search", **state.bound("prompt", view.prompt, after_prompt))
    columns[1].selectbox(
        "Pair of words",
        pairs,
        format_func=lambda pair: state.pair_label(view.prompt, pair),
        **state.bound("pair", view.pair, after_pair),
    )
    if len(runs) > 1:
        columns[2].selectbox(
            "Run",
            list(runs),
            format_func=lambda run: f"guidance {runs[run].key.guidance:g}, {runs[run].created[:10]}, {run[:6]}",
            help="The same prompt with another guidance, model revision or image",
            **state.bound("run", view.run, after_run),
        )
    columns[-1].segmented_control(
        "Mode",
        modes,
        format_func=MODE_NAMES.get,
        required=True,
        help="\n\n".join(f"**{MODE_NAMES[mode]}.** {meaning}" for mode, meaning in MODE_MEANING.items()),
        **state.bound("mode", view.mode),
    )


def _missing_seed(view: state.View, root: Path, seeds: list[str]) -> state.Missing:
    known = view.seed.isascii() and view.seed.isdigit()
    text = state.command(view, root, seeds=int(view.seed) + 1) if known else ""
    return state.Missing("seed", view.seed, f"prompt {view.prompt}, pair {view.pair}", tuple(seeds), text)


main()
