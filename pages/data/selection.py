"""From what a view names to an entry of the catalogue, or to what is missing and the command that computes it."""

from dataclasses import dataclass, replace

from pages.address import SELECTION, ExplorerView, View
from pages.data.shell_commands import is_probe, run_command, words_option
from store.catalogue import Catalogue, Entry, Filter
from store.records import MODES, pair_name, pair_readings


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


def guidance_of(view: View, usual: float) -> float:
    """The guidance that `view` names, or the `usual` one."""
    try:
        return float(view.guidance)
    except ValueError:
        return usual


def view_of(entry: Entry, view: View) -> ExplorerView:
    """Return the view of one entry of the catalogue, shown in the manner of `view`; its run tells guidances apart."""
    shown = {name: value for name, value in view.parameters.items() if name not in SELECTION}
    return ExplorerView.parse(shown | {name: part(entry) for name, part in PARTS_OF_ENTRY.items()})


def resolve(view: View, catalogue: Catalogue, habit: str = MODES[0]) -> Entry | Missing | None:
    """The entry that `view` names; what it leaves open is the newest, in the mode `habit` if there is one.

    None if the store holds nothing at all.
    """
    wanted = Filter()
    entry = _newest(catalogue, wanted)
    if entry is None:
        return None
    for name, part in PARTS_OF_ENTRY.items():
        value = getattr(view, name, "")
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
    if name == "pair":
        return tuple(pair_name(*words) for one in pair_readings(value) for words in (one, one[::-1]))
    return (value,) * bool(value)


def _missing(view: View, name: str, wanted: Filter, catalogue: Catalogue) -> Missing:
    """What to say where nothing of `wanted` has what `view` names in the field `name`."""
    value, chosen = getattr(view, name, ""), {known: getattr(wanted, known) for known in PARTS_OF_ENTRY}
    context = ", ".join(f"{known} {chosen[known]}" for known in ("model", "prompt", "pair") if chosen[known])
    wish = ExplorerView(**{known: chosen[known] or getattr(view, known, "") for known in chosen})
    text = run_command(wish, catalogue.root) if _can_be_computed(name, wish) else ""
    return Missing(field=name, value=value, context=context, there=tuple(catalogue.values(name, wanted)), command=text)


def _can_be_computed(name: str, wish: View) -> bool:
    """Whether a run of the command line can bring the field `name` of `wish` about."""
    if name == "run":
        return False
    if name == "pair":
        return bool(words_option(wish))
    return name != "mode" or (wish.mode in MODES and (wish.mode == "pid" or not is_probe(wish.prompt, wish.pair)))
