"""What the form for a new job is filled with: what is on screen, as a job would ask about it."""

from dataclasses import dataclass
from pathlib import Path

from pages.address import BiasTableView, ExplorerView, View, last_mode_and_seed
from pages.data import bias_tables, estimates
from pages.data.selection import resolve
from store.catalogue import Catalogue, Entry
from store.errors import InputError
from store.studies import studies_of_page


@dataclass(frozen=True, kw_only=True)
class JobPrefill:
    """A prompt with two words of it, and a study; `study_first` says which of the two the page is about.

    An empty text means that the page says nothing of it, None that the guidance is the usual one.
    """

    model: str
    prompt: str = ""
    pair: str = ""
    study: str = ""
    study_first: bool = False
    guidance: float | None = None


def prefill_of(view: View, page: str, root: Path, listing: Catalogue) -> JobPrefill:
    """Return what `view`, of the page at the address `page`, is about."""
    if page == "explorer" and isinstance(view, ExplorerView):
        entry = resolve(view, listing, last_mode_and_seed()[0])
        if isinstance(entry, Entry):
            guidance = None if entry.key.image else entry.key.guidance
            return JobPrefill(model=view.model, prompt=entry.key.prompt, pair=entry.pair, guidance=guidance)
        return JobPrefill(model=view.model, prompt=view.prompt, pair=view.pair)
    names = studies_of_page(page)
    known = estimates.studies_for(root, view.model)
    study = getattr(view, "study", "") or next((one for end in names for one in known if one.endswith(end)), "")
    prompt, pair = getattr(view, "prompt", ""), getattr(view, "pair", "")
    if isinstance(view, BiasTableView) and view.subject:
        prompt, pair = _of_row(view, names, root)
    row = bool(prompt) and isinstance(view, BiasTableView)
    return JobPrefill(
        model=view.model,
        prompt=prompt,
        pair=pair,
        study=study,
        study_first=bool(names) and not row,
        guidance=_number(getattr(view, "guidance", "")),
    )


def _of_row(view: BiasTableView, names: tuple[str, ...], root: Path) -> tuple[str, str]:
    """Return the prompt and the pair of the first attribute of the row that is open; empty if there is no such row."""
    try:
        study = bias_tables.meant(names, root, view.model)
    except InputError:
        return "", ""
    for item in study.expand():
        for pair, labels in item.labels.items():
            if any((label.study, label.subject) == (study.name, view.subject) for label in labels):
                return item.prompt, pair.name
    return "", ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
