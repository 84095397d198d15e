"""Any computed prompt: its images, the maps of a pair of words over them, the totals and the noise levels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from pages import address
from pages.data import glossary, recognised, results
from pages.data.selection import Missing, resolve
from pages.data.shell_commands import pair_label, run_command
from pages.figures.quantities import MODE_NAMES, MODES_MEANING
from pages.sections import result
from pages.widgets import notices, take_along, words
from store.catalogue import Catalogue, Entry, Filter
from store.errors import StoreError
from store.notes import key_of
from store.records import Probe

PAGE = "explorer"
OFFERED = 200  # prompts and runs to choose from
PAIRS = 3000  # of one prompt: all of 77 words


def main() -> None:
    """Resolve what the address names, and draw it or say what is missing."""
    view = address.current(address.ExplorerView)
    root = results.folder(view)
    listing = results.Listing(root)
    mode, seed = address.last_mode_and_seed()
    entry, broken = resolve(view, listing, mode), listing.broken()
    notices.broken(broken, root, expanded=not isinstance(entry, Entry))
    if entry is None:
        notices.empty(view, root)
        return
    if isinstance(entry, Missing):
        if entry.field == "pair":
            _choices_without(view, listing)
        notices.missing(entry, view)
        return
    try:
        record = results.record(entry.path, entry.pair)
    except StoreError as error:
        st.error(notices.plain(str(error)))
        return
    (pair,) = record.pairs
    seeds = [str(number) for number in pair.seeds]
    prompt = Filter(model=entry.key.model, prompt=entry.key.prompt)
    alike = listing.page(replace(prompt, pair=entry.pair), limit=OFFERED)
    runs = {other.run: other for other in (*alike, entry)}
    view = replace(
        view,
        prompt=entry.key.prompt,
        run=entry.run if len(runs) > 1 or view.run else "",  # a link that names it stays as it is
        pair=entry.pair,
        mode=entry.mode,
        seed=view.seed or (seed if seed in seeds else _first_right(entry, pair.seeds)),
    )
    address.show(view)
    pairs = listing.values("pair", prompt, PAIRS)
    _choices(view, listing, pairs, runs, list(pair.information))
    words.chips(view, pairs)
    if isinstance(pair.pair, Probe):
        st.markdown(
            glossary.explained(
                "A probe asks what two words say about these images. The words need not stand in the prompt, so a "
                "probe has no context: it has PID only.",
                "probe",
            )
        )
    if view.seed not in seeds:
        notices.missing(_missing_seed(view, root, seeds), view)
        return
    address.remember_mode_and_seed(view.mode, view.seed)
    shown = result.draw(view, entry.path, record, pair)
    matrix = words.all_pairs(view, listing, entry)
    result.details(shown, record)
    name = f"{view.prompt}, {pair_label(view.prompt, view.pair)}"
    about = f"{MODE_NAMES[view.mode]}, {shown.pair.measure}, {shown.pair.estimator} estimates, seed {view.seed}."
    key = key_of(record.key, pair.pair.words, view.mode, int(view.seed))
    _to_compare(view)
    take_along.draw(PAGE, view, root, key, name, about, shown.table, [*shown.drawn, *matrix])


def _choices(
    view: address.View, listing: Catalogue, pairs: list[str], runs: dict[str, Entry], modes: list[str]
) -> None:
    """The row of controls. A choice empties those that depend on it."""
    _, *after_prompt = address.SELECTION
    _, *after_pair = after_prompt
    _, *after_run = after_pair
    wanted = Filter(model=view.model)
    prompts = listing.values("prompt", wanted, OFFERED + 1)
    many, several = len(prompts) > OFFERED, len(runs) > 1
    columns = iter(st.columns([2] * many + [5 - several - many, 3] + [3] * several + [4]))
    if many:
        text = next(columns).text_input("Find prompts", placeholder="doctor", help="Words that the prompt contains")
        prompts = listing.values("prompt", replace(wanted, text=text), OFFERED)
    prompts = list(dict.fromkeys([*prompts, view.prompt]))
    next(columns).selectbox(
        "Prompt",
        prompts,
        help=f"The newest {OFFERED} prompts that were found" if many else "Type to search",
        **address.bind_field("prompt", view.prompt, (*after_prompt, "region", "study"), start="index", among=prompts),
    )
    next(columns).selectbox(
        "Pair of words",
        pairs,
        placeholder="choose another",
        format_func=lambda pair: pair_label(view.prompt, pair),
        **address.bind_field("pair", view.pair, after_pair, start="index", among=pairs),
    )
    if several:
        next(columns).selectbox(
            "Run",
            list(runs),
            format_func=lambda run: f"{_images_of(runs[run])}, {runs[run].created[:10]}, {run[:6]}",
            help="Results of the same prompt with another guidance, revision of the model or image",
            **address.bind_field("run", view.run, after_run, start="index", among=list(runs)),
        )
    next(columns).segmented_control(
        "Mode",
        modes,
        format_func=MODE_NAMES.get,
        required=True,
        help=glossary.explained(MODES_MEANING, "mode"),
        **address.bind_field("mode", view.mode, among=modes),
    )


def _to_compare(view: address.ExplorerView) -> None:
    asked = {name: getattr(view, name) for name in ("store", "model", "measure", "unit", "prompt", "pair", "seed")}
    st.page_link(
        "compare.py",
        label="Compare with another result of this prompt, or under another measure",
        icon=":material/arrow_forward:",
        query_params=address.CompareView(**asked, about=address.COMPARED[1]).parameters,
    )


def _choices_without(view: address.ExplorerView, listing: Catalogue) -> None:
    """The same for a pair of which there is nothing: the prompt stays, and other words of it can be chosen."""
    other = resolve(replace(view, pair="", run="", mode=""), listing)
    if isinstance(other, Entry):
        view = replace(view, prompt=other.key.prompt, mode=view.mode or other.mode)
        pairs = listing.values("pair", Filter(model=view.model, prompt=view.prompt), PAIRS)
        address.show(view)
        _choices(view, listing, pairs, {}, [view.mode])
        words.chips(view, pairs)


def _first_right(entry: Entry, seeds: Sequence[int]) -> str:
    """Return the first seed whose image shows what the prompt names, where that can be told of a drawn image."""
    key = entry.key
    right = [] if key.image else recognised.right(entry.path, key.prompt, key.model, seeds)
    return str(next(iter(right), seeds[0]))


def _images_of(entry: Entry) -> str:
    return "own image" if entry.key.image else f"guidance {entry.key.guidance:g}"


def _missing_seed(view: address.View, root: Path, seeds: list[str]) -> Missing:
    text = run_command(view, root, seeds=int(view.seed) + 1) if address.is_number(view.seed) else ""
    return Missing(
        field="seed",
        value=view.seed,
        context=f"prompt {view.prompt}, pair {view.pair}",
        there=tuple(seeds),
        command=text,
    )


main()
