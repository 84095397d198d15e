"""What each study of a model finds, in a sentence and a small figure: made from the tables that its page shows."""

from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go

from pages.address import BiasTableView, InterventionView, SynonymsView, View
from pages.data import bias_tables, sentence_tables
from pages.data.results import Listing
from pages.data.sentence_study import SentenceStudy, study_found
from pages.figures import thumbnail
from pages.figures.bias import FAINT, SIZE, colour_of, translucent
from pages.figures.quantities import factor
from pages.sections import prediction
from store import studies
from store.catalogue import Filter
from store.errors import InputError
from store.pid.decomposition import ALIGNMENT
from store.studies import KINDS, Bias, Interventions, Pairs, Study, studies_of_page

SOLID = 0.85


@dataclass(frozen=True, kw_only=True)
class StudySummary:
    """A study of a model: its answer and doubt, as plain text, its figure, and the way to its page."""

    study: Study
    page: str  # address of the page that shows it
    link: View
    answer: str
    doubt: str
    figure: go.Figure | None
    done: int
    wanted: int


def of_model(listing: Listing, view: View) -> list[tuple[Study, str]]:
    """Return the studies of which something of the model is there, each with the address of the page that shows it."""
    known = studies.names(listing.root)
    found = []
    for name in listing.values("study", Filter(model=view.model)):
        if name not in known:
            continue
        try:
            study = studies.load(name, listing.root)
            page = _page_of(study, listing, view.model)
        except InputError:  # its own page names what is wrong with its file
            continue
        if page:
            found.append((study, page))
    order = [page for kind in KINDS.values() for page in kind.pages]
    return sorted(found, key=lambda each: (order.index(each[1]), each[0].name))


def summary(listing: Listing, view: View, study: Study, page: str) -> StudySummary:
    """Return what `study` finds under the measure and unit of `view`; raises InputError where nothing can be told."""
    if isinstance(study.content, Bias):
        return _of_bias(listing, view, study, page)
    found = study_found(listing, study, view.model)
    if isinstance(study.content, Interventions):
        return _of_interventions(found, view, page)
    return _of_senses(found, view, page) if page == "homonyms" else _of_pairs(found, view, page)


def _page_of(study: Study, listing: Listing, model: str) -> str:
    """The address of the page that shows a study; empty where none does."""
    pages = KINDS[study.kind].pages
    if isinstance(study.content, Bias):
        meant = (page for page in pages if bias_tables.meant(studies_of_page(page), listing.root, model) == study)
        return next(meant, "")
    if isinstance(study.content, Pairs):
        return "homonyms" if study.content.homonyms else "synonyms"
    return next(iter(pages))


def _shared(view: View) -> dict[str, str]:
    return {name: getattr(view, name) for name in ("store", "model", "measure", "unit")}


def _of_bias(listing: Listing, view: View, study: Study, page: str) -> StudySummary:
    from store.tables.findings import sentences  # scipy takes a second to import

    levels = bias_tables.guidances(listing, study.name, view.model, "")
    guidance = study.guidance_among(levels)
    printed = bias_tables.published(study, studies_of_page(page), listing.root)
    about = {"measure": view.measure, "mode": "pid", "level": "pixel", "guidance": guidance, "revision": ""}
    table = bias_tables.bias(listing, study, printed, model=view.model, **about)
    share = bias_tables.share(listing, study, view.model, guidance)
    scale, rows = factor(view.unit), table.iloc[:-1]
    attributes = list(table["mean"])
    sign = np.where(rows["largest", ""] == attributes[0], -1.0, 1.0) if len(attributes) == 2 else 1.0
    value, one, other = (rows[name, ""].to_numpy(float) * sign * scale for name in ("gap", "gap_low", "gap_high"))
    leads = [attributes.index(name) if name in attributes else None for name in rows["largest", ""]]
    colours = [
        translucent(SIZE if lead is None else colour_of(lead), SOLID if clear else FAINT)
        for lead, clear in zip(leads, rows["significant", ""], strict=True)
    ]
    names = [f"{subject}, {lead}" for subject, lead in zip(rows.index, rows["largest", ""], strict=True)]
    title = f"more {attributes[1]}, {view.unit}" if len(attributes) == 2 else f"gap, {view.unit}"
    figure = thumbnail.bars(names, value, np.minimum(one, other), np.maximum(one, other), colours, title)
    return StudySummary(
        study=study,
        page=page,
        link=BiasTableView(**_shared(view)),
        answer=sentences.answer(table, view.unit, scale),
        doubt=" ".join(filter(None, (sentences.doubt(table), sentences.counted(table)))),
        figure=figure,
        done=share.done,
        wanted=share.wanted,
    )


def _of_senses(found: SentenceStudy, view: View, page: str) -> StudySummary:
    from store.tables.findings import studies as words

    table = sentence_tables.senses(found, _in_context(found, view))
    gain, low, high = (table[name].to_numpy(float) * factor(view.unit) for name in ("gain", "gain_low", "gain_high"))
    colours = [translucent(SIZE, SOLID if each > 0 else FAINT) for each in low]
    figure = thumbnail.bars(list(table["prompt"]), gain, low, high, colours, f"gain, {view.unit}")
    return _of_sentences(found, view, page, words.of_senses(table), figure)


def _of_pairs(found: SentenceStudy, view: View, page: str) -> StudySummary:
    from store.tables.findings import studies as words

    asked = SynonymsView(**_shared(view), mode=found.modes[-1], by=ALIGNMENT)
    table = sentence_tables.against_control(found, asked)
    if not table["control"].any():
        return _of_parts(found, asked, page)
    value, low, high = (table[f"difference_{name}"].to_numpy(float) for name in ("mean", "low", "high"))
    names = [f"{row.first}, {row.second}" for row in table.itertuples()]
    colours = [translucent(SIZE, SOLID if each > 0 else FAINT) for each in low]
    figure = thumbnail.bars(names, value, low, high, colours, "alignment above control")
    figure = figure if np.isfinite(value).any() else None
    return _of_sentences(found, view, page, words.of_controls(table, "alignment"), figure)


def _of_parts(found: SentenceStudy, view: SynonymsView, page: str) -> StudySummary:
    from store.tables.findings import studies as words

    table = sentence_tables.parts(found, view)
    share, low, high = (table[name].to_numpy(float) for name in ("share", "share_low", "share_high"))
    names = [f"{row.first}, {row.second}" for row in table.itertuples()]
    colours = [translucent(SIZE, SOLID if each > 0 else FAINT) for each in low]
    figure = thumbnail.bars(names, share, low, high, colours, "unique, share of I12")
    return _of_sentences(found, view, page, words.of_parts(table), figure)


def _of_interventions(found: SentenceStudy, view: View, page: str) -> StudySummary:
    from store.tables.findings import studies as words

    asked = _in_context(found, view)
    images = sentence_tables.interventions(found, asked)
    table = sentence_tables.effects(found, images)
    one = table.loc["removed", "image", "structure"]
    names = list(words.NAMES)
    value, low, high = (np.array([one[part, name] for name in names], float) for part in ("pearson", "low", "high"))
    colours = [translucent(SIZE, SOLID if each > 0 else FAINT) for each in low]
    figure = thumbnail.bars([words.NAMES[name] for name in names], value, low, high, colours, "r with the change")
    doubt = prediction.without_failed(found, images, asked, "removed", "structure")
    return replace(
        _of_sentences(found, view, page, words.of_effects(table, "removed", "structure"), figure), doubt=doubt
    )


def _in_context(found: SentenceStudy, view: View) -> InterventionView:
    return InterventionView(**_shared(view), mode=found.modes[-1])


def _of_sentences(found: SentenceStudy, view: View, page: str, answer: str, figure: go.Figure | None) -> StudySummary:
    done, wanted = found.share
    return StudySummary(
        study=found.study,
        page=page,
        link=InterventionView(**_shared(view), study=found.study.name),
        answer=answer,
        doubt="",
        figure=figure,
        done=done,
        wanted=wanted,
    )
