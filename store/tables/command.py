"""`python -m store table`: which table of a study is asked for, printed or written."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pandas as pd

from store import export
from store.catalogue import Catalogue
from store.errors import InputError
from store.pid.decomposition import ALIGNMENT
from store.studies import NEUTRAL, Bias, Interventions, Pairs, Study
from store.tables import printing
from store.tables.controls import OF_ALIGNMENT, against_control
from store.tables.correlations import effects
from store.tables.guidance import by_guidance
from store.tables.intervention import interventions
from store.tables.neutral import ASKED, neutral_probe
from store.tables.report import of_study, samples_of, with_published
from store.tables.samples import AVERAGE
from store.tables.senses import senses
from store.tables.studies import by_setting, rank_stability, sensitivity

OF_BIAS = ("probe", "published", "stability", "sensitivity", "by_setting")
OF_OTHERS = {"by_image": Interventions, "senses": Pairs, "controls": Pairs}


class _Shown(NamedTuple):
    """A table, its text, what is to be said above it, and below."""

    frame: pd.DataFrame
    text: Callable[[pd.DataFrame], str]
    head: str
    notes: Sequence[str] = ()


def run(given: argparse.Namespace, catalogue: Catalogue, study: Study) -> None:
    """Print the table that `given` asks for, or write it to the file `given.out`.

    Raises
    ------
    InputError: the study has no such table, or nothing of it is there.
    """
    given.mode = given.mode or ("cpid" if given.senses or isinstance(study.content, Interventions) else "pid")
    given.guidance = list(dict.fromkeys(given.guidance or [study.guidance]))
    _refuse(given, study)
    shown = _Asked(given, catalogue, study).shown()
    if given.out:
        export.write(shown.frame, given.out)
        print(given.out)
        return
    guidance = ", ".join(f"{value:g}" for value in given.guidance)
    print(f"{study.title}: {shown.head}; model {given.model}, guidance {guidance}")
    print(shown.text(shown.frame))
    for note in shown.notes:
        print(note)


def _refuse(given: argparse.Namespace, study: Study) -> None:
    """Raise InputError for what a study of this kind has no table for."""
    of_bias = [name for name in OF_BIAS if getattr(given, name)]
    several = ["guidance"] * (len(given.guidance) > 1)
    for name in [*of_bias, *several, *(name for name in OF_OTHERS if getattr(given, name))]:
        if not isinstance(study.content, OF_OTHERS.get(name, Bias)):
            option = f"--{name.replace('_', '-')}"
            raise InputError(option, f"{study.name} is of kind {study.kind}, which has no such table", "leave it out")
    if given.senses and not (isinstance(study.content, Pairs) and study.content.homonyms):
        raise InputError(f"study {study.name}", "its sentences name no senses", "leave out --senses")
    if given.quantity == ALIGNMENT and not given.controls:
        raise InputError(f"quantity {ALIGNMENT}", "only words beside control words have it", "add --controls")
    if several and of_bias:
        raise InputError(f"--{of_bias[0]} at several guidances", "it is about one", "give one --guidance")
    if given.published and study.published is None:
        raise InputError(f"study {study.name}", "it holds no published values", "leave out --published")


class _Asked:
    """What is asked of one study: each method makes one table."""

    def __init__(self, given: argparse.Namespace, catalogue: Catalogue, study: Study):
        self.given, self.catalogue, self.study = given, catalogue, study
        self.under: dict[str, Any] = {"mode": given.mode, "measure": given.measure, "level": given.level}
        self.head = f"{given.quantity} in nats, {given.measure}, {given.level} level, {given.mode}"

    def shown(self) -> _Shown:
        if isinstance(self.study.content, Interventions):
            return self.interventions()
        if self.given.senses:
            return self.senses()
        if self.given.controls:
            return self.controls()
        if self.given.probe:
            return self.probe()
        if self.given.stability:
            return self.stability()
        if self.given.sensitivity or self.given.by_setting:
            return self.settings()
        return self.guidances() if len(self.given.guidance) > 1 else self.plain()

    def samples(self, guidance: float | None = None, **wanted: Any) -> pd.DataFrame:
        guidance = self.given.guidance[0] if guidance is None else guidance
        return samples_of(self.catalogue, self.study, model=self.given.model, guidance=guidance, **wanted)

    def plain(self) -> _Shown:
        about = {"model": self.given.model, "guidance": self.given.guidance[0], "quantity": self.given.quantity}
        table = of_study(self.catalogue, self.study, **about, **self.under)
        if not isinstance(self.study.content, Bias):
            notes = [f"{table.attrs['confidence']:.0%} intervals over seeds"]
            return _Shown(table, printing.pairs_text, self.head, notes)
        notes = self.tested(table)
        if self.given.published and self.study.published:
            table = with_published(table, self.study.published)
            notes.append(printing.source_note(self.study.published))
        return _Shown(table, printing.bias_text, self.head, notes)

    def probe(self) -> _Shown:
        table = neutral_probe(self.samples(part=NEUTRAL, mode="pid", **ASKED))
        notes = ["information and contrast in nats, alignment in -1..1", *self.tested(table)]
        return _Shown(table, printing.probe_text, "neutral images asked about each attribute", notes)

    def stability(self) -> _Shown:
        found = rank_stability(self.samples(**self.under), self.given.quantity)
        order = "order by gap against that of other seeds, Spearman: {:.2f} [{:.2f}, {:.2f}]".format(*found.order)
        return _Shown(found.subjects, printing.stability_text, f"stability of {self.head}", [order])

    def settings(self) -> _Shown:
        make, what = (sensitivity, "agreement, Spearman") if self.given.sensitivity else (by_setting, "means in nats")
        table = make(self.samples(mode=self.given.mode), self.given.quantity)
        return _Shown(table, printing.plain_text, f"{self.given.quantity}, {self.given.mode}: {what}")

    def guidances(self) -> _Shown:
        samples = pd.concat([self.samples(guidance=each, **self.under) for each in self.given.guidance])
        table = by_guidance(samples, self.given.quantity)
        return _Shown(table, printing.guidance_text, f"gaps of {self.head}", self.tested(table))

    def interventions(self) -> _Shown:
        about = {"model": self.given.model, "guidance": self.given.guidance[0]}
        images = interventions(self.catalogue, self.study, **about, **self.under)
        missing, absent = images.attrs["missing"], images.attrs["absent"]
        notes = [f"{count} of the images {change} are not there" for change, count in missing.items() if count]
        notes += [f"{absent} of {self.study.size} sentences are not there"] * (absent > 0) + images.attrs["problems"]
        if self.given.by_image:
            return _Shown(images, printing.plain_text, "changes, and what was measured of the word before", notes)
        table = effects(images)
        notes = [f"Pearson correlation with {table.attrs['confidence']:.0%} intervals over prompts", *notes]
        parts = ", ".join(self.under.values())
        return _Shown(table, printing.effects_text, f"what foretells a change of the image (parts: {parts})", notes)

    def senses(self) -> _Shown:
        about = {"model": self.given.model, "guidance": self.given.guidance[0]}
        table = senses(self.catalogue, self.study, **about, **self.under)
        parts = ", ".join(self.under.values())
        return _Shown(table, printing.senses_text, f"which meaning was drawn (synergy and gain in nats, {parts})")

    def controls(self) -> _Shown:
        if self.given.quantity == ALIGNMENT:
            self.under |= OF_ALIGNMENT
            self.head = f"alignment index, {self.given.mode}"
        table = against_control(self.samples(**self.under), self.given.quantity)
        return _Shown(table, printing.controls_text, f"{self.head}, beside a control word in the same images")

    def tested(self, table: pd.DataFrame) -> list[str]:
        """What intervals and stars are, and how much of the study they are about."""
        there = len(table.drop(AVERAGE))
        notes = [f"{table.attrs['confidence']:.0%} intervals over seeds; * q at most {table.attrs['alpha']:g}"]
        return notes + [f"{there} of {self.study.size} subjects are there so far"] * (there < self.study.size)
