"""The view: what a page shows. It lives in the address bar, so that a link opens it elsewhere.

An address that names a model decides alone. One that does not, as after a click on another page's
name, is completed by what the session showed before.
"""

import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import streamlit as st

from pages.figures.quantities import MAPS, UNITS
from store.catalogue import Catalogue, Entry, Filter
from store.errors import InputError
from store.pid.information import LEVELS
from store.pid.measures import DEFAULT, MEASURES
from store.records import MODES, Probe, TokenPair

DEMO = "demo"
SHARED = ("store", "model", "measure", "unit")
SELECTION = ("prompt", "pair", "run", "mode", "seed")
LAID = ("opacity", "threshold")  # how a map lies over its image
STUDIED = (
    "table",
    "guidance",
    "mode",
    "level",
    "scale",
    "filter",
    "sort",
    "page",
    "subject",
    "seed",
    "quantity",
    "opacity",
)
SENTENCES = ("study", "guidance", "mode", "seed", "band", *LAID)
FIELDS = {  # address of a page -> what of the view its address bar says
    "": (*SHARED, "filter", "sort", "page"),
    "gender": (*SHARED, *STUDIED),
    "ethnicity": (*SHARED, *STUDIED),
    "homonyms": (*SHARED, *SENTENCES, "word"),
    "synonyms": (*SHARED, *SENTENCES, "prompt", "pair", "by"),
    "intervention": (*SHARED, *SENTENCES, "prompt", "word", "change", "by", "predictor"),
    "explorer": (*SHARED, *SELECTION, "quantity", "level", "band", *LAID, "region", "maps"),
    "jobs": SHARED,
    "method": SHARED,
}
ALL = "all"  # noise levels
MAPS_OF = ("one", "both")  # modes
TABLES = ("attributes", "neutral", "guidance")
SCALES = ("normalised", "information")
REGION = re.compile(r"[0-9]{1,5}(,[0-9]{1,5}){3}")
SHOWN = "shown"
NUMBERS = "numbers"  # of the widget that shows a value, in the order of those that did
LEFT = "left"  # the address before a click, which the browser may still name in the run that follows
HABIT = "habit"
FORM = "job form"  # whether it is open


@dataclass(frozen=True)
class View:
    """What is shown. An empty text means: not chosen."""

    store: str = ""  # DEMO, or empty for the store of the settings
    model: str = ""
    prompt: str = ""
    pair: str = ""
    run: str = ""  # tells files of one prompt apart, where guidance, revision or image differ
    mode: str = ""
    seed: str = ""
    measure: str = DEFAULT
    quantity: str = "redundancy"
    level: str = "pixel"
    band: str = ALL  # or the number of one, from the noisiest
    unit: str = "nats"
    opacity: int = 60  # per cent
    threshold: int = 0  # per cent of the colour scale, below which a map is not drawn
    maps: str = "one"  # one of MAPS_OF: the mode, or PID next to CPID
    region: str = ""  # left,top,right,bottom of a rectangle of the image, in its pixels
    filter: str = ""
    sort: str = ""  # an order of the page, empty for its own; with a dash before it, descending
    page: str = ""  # of the list, from 1
    study: str = ""
    subject: str = ""  # of a study: the row whose images are open
    word: str = ""  # of a sentence: the homonym, or the word that is taken out
    change: str = ""  # of a prompt: its word removed or swapped
    by: str = ""  # what a study is compared by
    predictor: str = ""  # of a change of the image
    table: str = TABLES[0]  # of a bias study: with its attributes, of images without any, or over guidances
    guidance: str = ""  # of the images of a study, empty for the study's own
    scale: str = SCALES[0]  # of a table: from 0 to 1 over all of it, or the information itself

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> "View":
        """The view that an address names. What only concerns the display falls back to its default."""
        known = {field.name: parameters[field.name] for field in fields(cls) if field.name in parameters}
        choices = {
            "store": (DEMO,),
            "measure": MEASURES,
            "quantity": MAPS,
            "level": LEVELS,
            "unit": UNITS,
            "maps": MAPS_OF,
            "table": TABLES,
            "scale": SCALES,
        }
        for name, allowed in choices.items():
            if known.get(name) not in allowed:
                known.pop(name, None)
        for name in ("opacity", "threshold"):
            share = known.pop(name, "")
            if is_number(share):
                known[name] = min(100, int(share))
        if not REGION.fullmatch(known.get("region", "")):
            known.pop("region", None)
        for name in ("band", "page"):
            if not is_number(known.get(name, "")):
                known.pop(name, None)
        return cls(**known)

    def order(self, known: Collection[str], usual: str) -> str:
        """The order asked for, if it is one of those `known`, else the `usual` one."""
        return self.sort if self.sort.removeprefix("-") in known else usual

    def parameters(self, page: str) -> dict[str, str]:
        """What the address bar of `page` says of it: the fields that differ from their defaults."""
        values, default = asdict(self), asdict(View())
        return {name: str(values[name]) for name in FIELDS[page] if values[name] != default[name]}


@dataclass(frozen=True)
class Missing:
    """Something that a link names and the store does not hold."""

    field: str  # of the view
    value: str  # that the link gives it
    context: str  # in which it is missing
    there: tuple[str, ...]  # what the store holds in its place, the newest if that is much
    command: str = ""  # what would compute it; empty where nothing can


PARTS_OF_ENTRY = {  # in the order in which a selection narrows down
    "model": lambda entry: entry.key.model,
    "prompt": lambda entry: entry.key.prompt,
    "pair": lambda entry: entry.pair,
    "run": lambda entry: entry.run,
    "mode": lambda entry: entry.mode,
}


def is_number(text: str) -> bool:
    """Whether an address names a natural number by it."""
    return text.isascii() and text.isdigit()


def guidance_of(view: View, usual: float) -> float:
    """The guidance that `view` names, or the `usual` one."""
    try:
        return float(view.guidance)
    except ValueError:
        return usual


def view_of(entry: Entry, view: View) -> View:
    """The view of one entry of the catalogue, shown in the manner of `view`."""
    chosen = {name: PARTS_OF_ENTRY[name](entry) for name in ("model", "prompt", "pair", "mode")}
    return replace(view, **{**dict.fromkeys(SELECTION, ""), **chosen})


def resolve(view: View, catalogue: Catalogue, habit: str = MODES[0]) -> Entry | Missing | None:
    """The entry that `view` names; what it leaves open is the newest, in the mode `habit` if there is one.

    None if the store holds nothing at all.
    """
    wanted = Filter()
    entry = _newest(catalogue, wanted)
    if entry is None:
        return None
    for name, part in PARTS_OF_ENTRY.items():
        value = getattr(view, name)
        tried = (_newest(catalogue, replace(wanted, **{name: one})) for one in _tried(name, value, habit))
        found = next(filter(None, tried), None)
        if value and found is None:
            return _missing(view, name, wanted, catalogue)
        entry = found or entry
        wanted = replace(wanted, **{name: part(entry)})
    return entry


def _newest(catalogue: Catalogue, wanted: Filter) -> Entry | None:
    return next(iter(catalogue.page(wanted, limit=1)), None)


def _tried(name: str, value: str, habit: str) -> tuple[str, ...]:
    """What the field `name` may be, where a view gives it `value`: words may be named in either order."""
    if name == "mode":
        return (value or habit,)
    first, plus, second = value.partition("+")
    return (value, f"{second}+{first}") if name == "pair" and plus else (value,) * bool(value)


def _missing(view: View, name: str, wanted: Filter, catalogue: Catalogue) -> Missing:
    """What to say where nothing of `wanted` has what `view` names in the field `name`."""
    value, chosen = getattr(view, name), {known: getattr(wanted, known) for known in PARTS_OF_ENTRY}
    context = ", ".join(f"{known} {chosen[known]}" for known in ("model", "prompt", "pair") if chosen[known])
    wish = replace(view, **{known: chosen[known] or getattr(view, known) for known in chosen})
    text = command(wish, catalogue.root) if _can_be_computed(name, wish) else ""
    return Missing(name, value, context, tuple(catalogue.values(name, wanted)), text)


def _can_be_computed(name: str, wish: View) -> bool:
    """Whether a run of the command line can bring the field `name` of `wish` about."""
    if name == "run":
        return False
    if name == "pair":
        return bool(_words(wish))
    return name != "mode" or (wish.mode in MODES and (wish.mode == "pid" or not is_probe(wish.prompt, wish.pair)))


def command(view: View, root: Path, seeds: int = 4) -> str:
    """The command line that computes what `view` names into the store `root`."""
    parts = ["python -m compute run", f"--model {_word(view.model)}", f"--prompt {_quoted(view.prompt or 'PROMPT')}"]
    return " ".join([*parts, _words(view) or "--pair WORD WORD", f"--seeds {seeds}", f"--store {_word(str(root))}"])


def _words(view: View) -> str:
    """The option that asks for the two words of `view`: as a pair of the prompt or as a probe; empty if neither can."""
    first, _, second = view.pair.partition("+")
    for option, asked in (("--pair", TokenPair.find), ("--probe", Probe.about)):
        try:
            asked(view.prompt, first, second)
        except InputError:
            continue
        return f"{option} {_word(first)} {_word(second)}"
    return ""


def is_probe(prompt: str, pair: str) -> bool:
    """Whether the words of `pair`, asked about `prompt`, do not both stand in it."""
    first, _, second = pair.partition("+")
    try:
        TokenPair.find(prompt, first, second)
    except InputError:
        return True
    return False


def pair_label(prompt: str, pair: str) -> str:
    """A pair as people read it."""
    return pair.replace("+", " + ") + (" (probe)" if is_probe(prompt, pair) else "")


def _word(text: str) -> str:
    return text if shlex.quote(text) == text else _quoted(text)


def _quoted(text: str) -> str:
    """In double quotes, which every shell knows, if nothing in them has a meaning of its own."""
    return shlex.quote(text) if set(text) & set('"$`\\!%') else f'"{text}"'


def current() -> View:
    """The view of this run of the script."""
    address = st.query_params.to_dict()
    view, (before, _) = View.parse(address), st.session_state.get(SHOWN, (View(), ""))
    if address == st.session_state.get(LEFT):
        return before
    if "model" in address:
        return view
    lost = SELECTION if "prompt" in address else ()
    kept = [field.name for field in fields(View) if field.name not in address and field.name not in lost]
    return replace(view, **{name: getattr(before, name) for name in kept})


def show(view: View, page: str) -> None:
    """Remember `view` and put into the address bar what `page` needs of it."""
    st.session_state[SHOWN] = view, page
    st.session_state.pop(LEFT, None)
    parameters = view.parameters(page)
    if st.query_params.to_dict() != parameters:
        st.query_params.from_dict(parameters)


def change(**changes: object) -> None:
    """Change what is shown: for widgets to call."""
    (view, page), left = st.session_state[SHOWN], st.query_params.to_dict()
    show(replace(view, **changes), page)
    st.session_state[LEFT] = left


def keep() -> None:
    """Stay with what is shown in the next run, should the browser name the address as it is now."""
    st.session_state[LEFT] = st.query_params.to_dict()


def bound(
    name: str, value: object, clear: Sequence[str] = (), start: str = "default", among: Sequence | None = None
) -> dict[str, object]:
    """Arguments that tie a widget to the field `name` of the view; a change empties the fields `clear`."""
    return tied(name, value, lambda chosen: change(**dict.fromkeys(clear, ""), **{name: chosen}), start, among)


def tied(
    name: str,
    value: object,
    chosen: Callable[[Any], None],
    start: str = "default",
    among: Sequence | None = None,
) -> dict[str, object]:
    """Arguments by which the widget `name` shows `value`, and calls `chosen` with another one that somebody chooses.

    The value is its default, in its argument `start`, or in a box of the options `among` its place there. Where
    something else than the widget has changed the value, it gives way to a new one: the browser, which may be late,
    goes on naming the value of the old one, and nobody listens.
    """
    number = st.session_state.setdefault(NUMBERS, {})
    key = f"choice of {name} {number.setdefault(name, 0)}"
    if key in st.session_state and st.session_state[key] != value:
        number[name] += 1
        key = f"choice of {name} {number[name]}"

    def changed() -> None:
        if key == f"choice of {name} {number[name]}":
            chosen(st.session_state[key])

    default = {start: value} if among is None else {"index": None if value is None else among.index(value)}
    return {"key": key, "on_change": changed, **default}


def habit() -> tuple[str, str]:
    """Mode and seed that were looked at last: another prompt is shown in the same ones if it has them."""
    return st.session_state.get(HABIT, (MODES[0], ""))


def remember_habit(mode: str, seed: str) -> None:
    """Keep mode and seed for the next prompt."""
    st.session_state[HABIT] = mode, seed
