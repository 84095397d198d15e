"""A study of sentences, and what the store holds of it."""

from dataclasses import dataclass
from pathlib import Path

from pages.data.results import Listing
from store.catalogue import Entry, Filter
from store.records import MODES, pair_words
from store.studies import Study

EVERY = 10_000  # entries of a study


@dataclass(frozen=True)
class SentenceStudy:
    """A study, and the entries that there are of it, of images at one guidance."""

    study: Study
    entries: tuple[Entry, ...]
    guidance: float
    root: Path
    listing: Listing
    without: frozenset[tuple[str, int]] = frozenset()  # prompt and seed of images that are left out

    @property
    def modes(self) -> list[str]:
        """In which modes there is anything."""
        there = {entry.mode for entry in self.entries}
        return [mode for mode in MODES if mode in there]

    @property
    def share(self) -> tuple[int, int]:
        """How many answers about an image there are, of those that the study asks for."""
        seeds = len(self.study.seeds)
        wanted = {(item.prompt, pair.name.casefold()) for item in self.study.expand() for pair in item.pairs}
        there = {(entry.key.prompt, entry.pair.casefold()): entry.seeds for entry in self.entries}
        return sum(min(there.get(key, 0), seeds) for key in wanted), len(wanted) * seeds

    def entry(self, prompt: str, pair: str, mode: str) -> Entry | None:
        """What is there about `pair` in images of `prompt`; words may be named in either order."""
        words = _words_of(pair)
        for entry in self.entries:
            if entry.key.prompt == prompt and entry.mode == mode and _words_of(entry.pair) == words:
                return entry
        return None


def entries_of(listing: Listing, name: str, model: str, revision: str = "") -> list[Entry]:
    """Return all that is there of the study `name`."""
    return listing.page(Filter(study=name, model=model, revision=revision), limit=EVERY)


def study_found(listing: Listing, study: Study, model: str) -> SentenceStudy:
    """Return what is there of `study`, at the guidance that is looked at where nobody names one."""
    entries = entries_of(listing, study.name, model)
    guidance = study.guidance_among(entry.key.guidance for entry in entries)
    chosen = tuple(entry for entry in entries if entry.key.guidance == guidance)
    return SentenceStudy(study=study, entries=chosen, guidance=guidance, root=listing.root, listing=listing)


def _words_of(pair: str) -> set[str]:
    return {word.casefold() for word in pair_words(pair)}
