"""The form for a new job, prefilled from what is shown."""

from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.address import DEMO, ExplorerView, View, last_mode_and_seed
from pages.data import estimates
from pages.data.selection import resolve, view_of
from pages.data.shell_commands import is_probe
from pages.figures.times import duration, size
from pages.widgets import notices
from store import settings
from store.catalogue import Catalogue, Entry
from store.errors import DiffusionPIDError, InputError
from store.jobs import LATER, SOON, SUFFIXES, JobSpec, Picture, Queue
from store.records import pair_words
from store.studies import studies_of_page
from store.words import place_of, prompt_words

PROMPT, STUDY = "A prompt", "A study"
KEYS = "launch "
PREFILLED, PHRASES = "launch prefilled for", "launch phrases"
DEFAULTS = {"launch images": 4, "launch precision": "Result: 256 noises", "launch seeds": 0, "launch limit": 0}
EXAMPLE = ExplorerView(prompt="a female doctor", pair="female+doctor")
PRECISION: dict[str, tuple[int | None, float | None]] = {  # noises of an image, and the error at which it needs no more
    "Draft: 64 noises": (64, None),
    "Result: 256 noises": (256, None),
    "Until the error is 5 %": (1024, 0.05),
}
AS_IT_SAYS = "As the study says"
IMAGES = 64  # of a prompt, at most
PICTURE = "picture of the job"
MEGABYTES = 20  # of an own image


def draw(view: View, page: str, root: Path, listing: Catalogue) -> None:
    """The form under its heading; nothing where the settings allow no jobs."""
    if settings.load().read_only:
        return
    if page == "explorer" and isinstance(entry := resolve(view, listing, last_mode_and_seed()[0]), Entry):
        view = view_of(entry, view)  # what the page is about to show
    form = st.expander("New compute job", icon=":material/add_circle:", key=notices.JOB_FORM, on_change="rerun")
    _keep()
    if not form.open:
        return
    with form:
        if view.store == DEMO:
            st.caption("The demo store is only shown. Leave it to compute into the store of the settings.")
            return
        _form(view, page, root)


@st.fragment
def _form(view: View, page: str, root: Path) -> None:
    _keep()
    _prefill(view, page, root)
    kind = st.segmented_control("What to ask about", (PROMPT, STUDY), required=True, key="launch kind")
    model = st.session_state["launch model"].strip()
    card = estimates.card_of(root, model)
    source = card.source if card else model
    wanted = _prompt(source) if kind == PROMPT else _study(source, root)
    with st.popover(f"Model: {notices.plain(model)}", width="stretch"):
        st.text_input("Model of the job", key="launch model", help="A known name, a hub id, or a folder")
        st.text_input("Your name", key="launch author", placeholder="optional", help="Shown beside the job")
    if wanted is None:
        return
    found = estimates.estimate(wanted, root)
    _say(found, wanted, root)
    urgent = SOON if kind == PROMPT else LATER
    st.button(
        "Launch",
        type="primary",
        width="stretch",
        disabled=bool(found.faults),
        on_click=_launch,
        args=(wanted, urgent, root),
    )


def _keep() -> None:
    """Hold on to what was filled in: Streamlit forgets what is not drawn."""
    for key in [key for key in st.session_state if str(key).startswith(KEYS)]:
        st.session_state[key] = st.session_state[key]


def _prefill(view: View, page: str, root: Path) -> None:
    """Fill the form with what is on screen, each time that this changes."""
    prompt, pair = getattr(view, "prompt", ""), getattr(view, "pair", "")
    about = (page, view.model, prompt, pair)
    if st.session_state.get(PREFILLED) == about:
        return
    st.session_state[PREFILLED] = about
    for key, value in DEFAULTS.items():
        st.session_state.setdefault(key, value)
    prompt, pair = (prompt, pair) if prompt else (EXAMPLE.prompt, EXAMPLE.pair)
    wanted = studies_of_page(page)
    studies = estimates.studies_for(root, view.model)
    st.session_state["launch study"] = next(
        (name for end in wanted for name in studies if name.endswith(end)), studies[0] if studies else None
    )
    first, second = pair_words(pair)
    probe = bool(pair) and is_probe(prompt, pair)
    st.session_state["launch kind"] = STUDY if wanted else PROMPT
    st.session_state["launch model"] = view.model
    st.session_state["launch prompt"] = prompt
    st.session_state["launch probe"] = f"{first}, {second}" if probe else ""
    st.session_state["launch words"] = st.session_state[PHRASES] = [] if probe else [first, second]


def _prompt(model: str) -> JobSpec | None:
    """What is asked about one prompt; None, with the reason on screen, while something is missing."""
    prompt = " ".join((st.text_input("Prompt of the job", key="launch prompt") or "").split())
    words = _words(prompt)
    st.session_state["launch words"] = [word for word in st.session_state["launch words"] if word in words]
    chosen = st.pills(
        "Words of it",
        words,
        selection_mode="multi",
        key="launch words",
        help="Choose two; of more, every pair is measured in one go",
    )
    probe = st.text_input(
        "Or words that need not be in it",
        key="launch probe",
        placeholder="male, doctor",
        help="A probe: what do two words say about images of this prompt? Separate them by a comma.",
    )
    images = st.number_input("Images", 1, IMAGES, key="launch images", help="Seeds from 0 on")
    picture = _picture()
    noises, target = PRECISION[st.selectbox("Precision", list(PRECISION), key="launch precision")]
    probed = [word.strip() for word in (probe or "").split(",") if word.strip()]
    if len(probed) not in (0, 2):
        st.info("Name two words, with a comma between them.")
        return None
    if not probed and len(chosen) < 2:
        st.info("Choose at least two words.")
        return None
    ordered = [word for word in words if word in chosen]
    pairs = tuple((one, other) for place, one in enumerate(ordered) for other in ordered[place + 1 :])
    return JobSpec(
        model,
        prompt,
        pairs=() if probed else pairs,
        probes=((probed[0], probed[1]),) if probed else (),
        images=1 if picture else int(images),
        noises=noises,
        target=target,
        picture=picture,
    )


def _picture() -> str:
    """The name of an own image, if one was brought that can be read; else empty, with the reason on screen."""
    brought = st.session_state.get(PICTURE)
    with st.popover(f"Own image: {notices.plain(brought.name) if brought else 'none'}", width="stretch"):
        st.file_uploader(
            "An image to ask about instead of generated ones",
            SUFFIXES,
            key=PICTURE,
            max_upload_size=MEGABYTES,
            help="It is cut square. The prompt should say what it shows.",
        )
    if not brought:
        return ""
    if fault := _fault(brought.file_id, brought):
        st.error(notices.plain(fault))
        return ""
    return brought.name


@st.cache_data(max_entries=16, show_spinner="Reading the image")
def _fault(file: str, _brought: UploadedFile) -> str:
    """Why an image cannot be read; empty if it can."""
    try:
        Picture(_brought.name, _brought.getvalue()).opened()
    except InputError as error:
        return str(error)
    return ""


def _words(prompt: str) -> list[str]:
    """What can be chosen of a prompt: its words, and the phrases that the form was filled with, in their order."""
    places = {word: place_of(prompt, word) for word in (*prompt_words(prompt), *st.session_state[PHRASES])}
    return sorted((word for word, place in places.items() if place), key=lambda word: places[word])


def _study(model: str, root: Path) -> JobSpec | None:
    """What is asked of a whole study."""
    studies = estimates.studies_for(root, model)
    if not studies:
        st.info("No study is made for this model.")
        return None
    if st.session_state.get("launch study") not in studies:
        st.session_state["launch study"] = studies[0]
    name = st.selectbox("Study", studies, key="launch study", help="docs/studies.md says how to write one")
    limit = st.number_input("First subjects or sentences", 0, key="launch limit", help="How many of them; 0 means all")
    images = st.number_input("Images of each prompt", 0, IMAGES, key="launch seeds", help="0: as the study says")
    choices = {AS_IT_SAYS: (None, None), **PRECISION}
    noises, target = choices[st.selectbox("Precision", list(choices), key="launch precision of study")]
    return JobSpec(
        model, study=name, limit=int(limit) or None, images=int(images) or None, noises=noises, target=target
    )


def _say(found: estimates.CostEstimate, wanted: JobSpec, root: Path) -> None:
    """The cost, and what is wrong."""
    for fault in found.faults:
        st.error(notices.plain(fault))
    for warning in found.warnings:
        st.caption(f":material/warning: {notices.plain(warning)}")
    if not found.evaluations:
        return
    prompts = f"{found.prompts} prompts, " if found.prompts > 1 else ""
    queue = Queue(root)
    pace, slots = queue.pace(wanted.model), sum(worker.slots for worker in queue.workers())
    spent = "time not known before this model has computed here"
    if pace:
        spent = f"about {duration(found.evaluations / pace.rate / max(1, slots))}, {size(found.results * pace.size)}"
    st.caption(
        f"{prompts}{found.images} images, {found.texts} texts, {found.noises} noises: at most "
        f"{found.evaluations:,} evaluations, {spent}. What the store has already is not computed again."
    )


def _launch(wanted: JobSpec, priority: int, root: Path) -> None:
    author = " ".join(st.session_state.get("launch author", "").split())[:60] or "dashboard"
    try:
        picture = st.session_state[PICTURE].getvalue() if wanted.picture else None
        number = Queue(root).submit(wanted, author, priority, picture)
    except DiffusionPIDError as error:
        st.toast(notices.plain(str(error)), icon=":material/error:")
        return
    st.session_state.setdefault("launched", []).append(number)
    st.toast(f"Job {number} is in the queue", icon=":material/check:")
