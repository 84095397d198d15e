"""The form for a new job, prefilled from what is shown."""

from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages import address
from pages.address import DEMO, ExplorerView, View
from pages.data import estimates, glossary, prefill
from pages.data.results import is_writable
from pages.data.shell_commands import is_probe
from pages.figures.escape import plain
from pages.figures.maps import data_uri
from pages.figures.times import counted, duration, size
from pages.widgets import notices
from pages.widgets.job_progress import LAUNCHED
from pages.widgets.words import choosable
from store.catalogue import Catalogue
from store.errors import DiffusionPIDError, InputError
from store.jobs import ACTIVE, LATER, SOON, SUFFIXES, JobSpec, Picture, Queue
from store.jobs.choice import OFFLOADS, QUANTIZATIONS, ModelChoice
from store.prompts.model_cards import ModelCard
from store.records import pair_words

PROMPT, STUDY = "A prompt", "A study"
KEYS = "launch "
PREFILLED, PHRASES = "launch prefilled for", "launch phrases"
DEFAULTS = {"launch images": 4, "launch seeds": 0, "launch limit": 0}
EXAMPLE = ExplorerView(prompt="a female doctor", pair="female+doctor")
PRECISION: dict[str, tuple[int | None, float | None]] = {  # noises of an image, and the error at which it needs no more
    "Sketch: 16 noises": (16, None),
    "Draft: 64 noises": (64, None),
    "Result: 256 noises": (256, None),
    "Stop at an error of 5%": (1024, 0.05),
    "Stop at an error of 2%": (4096, 0.02),
}
_, DRAFT, RESULT, *_ = PRECISION
EMBEDDED = "embedded"  # the model that ships: a draft of it takes a minute on a laptop
AS_IT_SAYS = "As the study says"
IMAGES = 64  # of a prompt, at most
PICTURE = "picture of the job"
MANY = 1_000_000  # evaluations, from which on a job is asked about once more
MEGABYTES = 20  # of an own image
PREVIEW = 224  # pixels
GUIDANCE = 30.0  # at most
MODEL, LORAS, SIZE, QUANTIZE, OFFLOAD = (f"{KEYS}{name}" for name in ("model", "loras", "size", "quantize", "offload"))
QUANTIZED = {"": "as they are", "int8": "8 bits (int8)", "nf4": "4 bits (nf4)"}
OFFLOADED = {"": "on the GPU", "offload": "part by part", "offload-layers": "layer by layer, slow"}


def draw(view: View, page: str, root: Path, listing: Catalogue) -> None:
    """Draw the form under its heading; nothing where no jobs may be launched."""
    if not is_writable(root) and view.store != DEMO:
        return
    form = st.expander("New compute job", icon=":material/add_circle:", key=notices.JOB_FORM, on_change="rerun")
    _keep()
    if not form.open:
        return
    with form:
        if not is_writable(root):
            st.caption("The demo store is only shown. Leave it to compute into the store of the settings.")
            return
        _form(prefill.prefill_of(view, page, root, listing), root)


@st.fragment
def _form(filled: prefill.JobPrefill, root: Path) -> None:
    notices.toast()
    _keep()
    _prefill(filled, root)
    kind = st.segmented_control("What to ask about", (PROMPT, STUDY), required=True, key="launch kind")
    choice = _chosen()
    asked = str(choice) if choice else st.session_state[MODEL].strip()
    card = estimates.card_of(root, asked)
    source = card.source if card else asked
    wanted = _prompt(source) if kind == PROMPT else _study(source, root)
    _model()
    if wanted is None or choice is None:
        return
    try:
        found = estimates.of_model(choice, estimates.estimate(wanted, root, _picture(wanted)), root)
        _say(found, wanted, root)
    except DiffusionPIDError as error:  # the queue or the store cannot be read
        st.error(plain(str(error)))
        return
    st.text_input("Launched by", key="launch author", placeholder="your name", help="Shown beside the job; optional")
    sure = found.evaluations < MANY or st.checkbox(
        f"Yes, all {found.evaluations:,} evaluations", help="A large job may keep the workers busy for hours or days."
    )
    urgent = SOON if kind == PROMPT else LATER
    if st.button(
        "Launch",
        type="primary",
        width="stretch",
        disabled=bool(found.faults) or not sure,
        on_click=_launch,
        args=(wanted, urgent, root),
    ):
        address.keep()
        st.rerun()  # the whole page: it looks at the queue more often while such a job runs


def _keep() -> None:
    """Hold on to what was filled in: Streamlit forgets what is not drawn."""
    for key in [key for key in st.session_state if str(key).startswith(KEYS)]:
        st.session_state[key] = st.session_state[key]


def _prefill(filled: prefill.JobPrefill, root: Path) -> None:
    """Fill the form with what is on screen, each time that this changes."""
    asked = st.session_state.pop(notices.ASKED_KIND, None)
    before = st.session_state.get(PREFILLED)
    if before != filled:
        st.session_state[PREFILLED] = filled
        for key, value in DEFAULTS.items():
            st.session_state.setdefault(key, value)
        prompt, pair = (filled.prompt, filled.pair) if filled.prompt else (EXAMPLE.prompt, EXAMPLE.pair)
        studies = estimates.studies_for(root, filled.model)
        first, second = pair_words(pair)
        probe = bool(pair) and is_probe(prompt, pair)
        st.session_state["launch study"] = filled.study if filled.study in studies else next(iter(studies), None)
        st.session_state["launch kind"] = STUDY if filled.study_first else PROMPT
        _prefill_model(filled.model, estimates.card_of(root, filled.model))
        st.session_state["launch prompt"] = prompt
        st.session_state["launch guidance"] = filled.guidance
        if before is None or before.model != filled.model:
            st.session_state["launch precision"] = DRAFT if filled.model == EMBEDDED else RESULT
        st.session_state["launch probe"] = f"{first}, {second}" if probe else ""
        st.session_state["launch words"] = st.session_state[PHRASES] = [] if probe else [first, second]
    if asked == notices.STUDY_ASKED:
        st.session_state["launch kind"] = STUDY


def _prefill_model(model: str, card: ModelCard | None) -> None:
    """Fill the fields with `model`, and with what is added to it where its card says so."""
    try:
        choice = ModelChoice.parse(card.source if card else model)
    except InputError:
        choice = ModelChoice(model)
    plainly = choice == ModelChoice(choice.model)
    st.session_state[MODEL] = (
        model
        if plainly
        else str(ModelChoice(choice.model, embeddings=choice.embeddings, variant=choice.variant, config=choice.config))
    )
    st.session_state[LORAS] = "\n".join(map(str, choice.loras))
    st.session_state[SIZE] = f"{choice.size[0]}x{choice.size[1]}" if choice.size else ""
    st.session_state[QUANTIZE], st.session_state[OFFLOAD] = choice.quantize, choice.offload


def _chosen() -> ModelChoice | None:
    """Return what the fields say; None, with the reason on screen, if one of them cannot be used."""
    loras = [line.strip() for line in st.session_state[LORAS].splitlines() if line.strip()]
    options = {
        name: st.session_state[key].strip()
        for name, key in (("size", SIZE), ("quantize", QUANTIZE), ("offload", OFFLOAD))
    }
    try:
        return ModelChoice.of(st.session_state[MODEL].strip(), loras, **options)
    except InputError as error:
        st.error(plain(str(error)))
        return None


def _model() -> None:
    """Draw the fields behind a button that names the model."""
    name = st.session_state[MODEL].strip()
    more = sum(map(bool, (st.session_state[LORAS].strip(), st.session_state[SIZE].strip(), st.session_state[QUANTIZE])))
    with st.popover(f"Model: {plain(name)}" + " and more" * bool(more), width="stretch"):
        st.text_input("Model of the job", key=MODEL, help="A known name, a hub id, a folder, or a .safetensors file")
        st.text_area(
            "LoRAs",
            key=LORAS,
            height=68,
            placeholder="none",
            help="One a line: a .safetensors file or a hub id, with :0.8 behind it for another weight than 1",
        )
        st.text_input("Image size", key=SIZE, placeholder="as trained", help="WIDTHxHEIGHT in pixels, as 768x512")
        st.selectbox(
            "Weights",
            ("", *QUANTIZATIONS),
            key=QUANTIZE,
            format_func=QUANTIZED.get,
            help="If they do not fit into memory. Fewer bits change predictions a little.",
        )
        st.selectbox(
            "Weights are kept",
            ("", *OFFLOADS),
            key=OFFLOAD,
            format_func=OFFLOADED.get,
            help="If they do not fit on the GPU: it gets them from the computer's memory as they are needed.",
        )


def _prompt(model: str) -> JobSpec | None:
    """Return what is asked about one prompt; None, with the reason on screen, while something is missing."""
    prompt = " ".join((st.text_input("Prompt of the job", key="launch prompt") or "").split())
    words = choosable(prompt, st.session_state[PHRASES])
    st.session_state["launch words"] = [word for word in st.session_state["launch words"] if word in words]
    chosen = st.pills(
        "Words of it",
        words,
        selection_mode="multi",
        key="launch words",
        format_func=plain,
        help="Choose two words. If you choose more, every pair of them is measured.",
    )
    probe = st.text_input(
        "Or words that need not be in it",
        key="launch probe",
        placeholder="male, doctor",
        help=glossary.explained(
            "What do two words say about images of this prompt? Put a comma between them.", "probe"
        ),
    )
    brought = st.file_uploader(
        "Own image instead of generated ones",
        SUFFIXES,
        key=PICTURE,
        max_upload_size=MEGABYTES,
        help=glossary.explained("The middle square is used. The prompt should say what it shows.", "own-image"),
    )
    images, guidance = 1, None
    if not brought:
        images = int(st.number_input("Images", 1, IMAGES, key="launch images", help="Seeds from 0 on"))
        guidance = _guidance("the usual one; 1: the model as it is")
    meaning = "More noises make standard errors smaller. An error of 5% takes 1,024 at most, of 2% 4,096."
    meaning = glossary.explained(meaning, "noises")
    noises, target = PRECISION[st.selectbox("Precision", list(PRECISION), key="launch precision", help=meaning)]
    if brought and not _can_be_used(brought):
        return None
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
        images=images,
        noises=noises,
        target=target,
        guidance=guidance,
        picture=brought.name if brought else "",
    )


def _guidance(usual: str) -> float | None:
    return st.number_input(
        "Guidance",
        0.0,
        GUIDANCE,
        value=None,
        step=0.5,
        format="%g",
        key="launch guidance",
        placeholder=usual,
        help=glossary.explained(
            "Of image generation. More of it draws more strongly what the words say. Empty: the usual one.", "guidance"
        ),
    )


def _can_be_used(brought: UploadedFile) -> bool:
    """Return whether an own image can be read, and show the part of it that is used, or why it cannot."""
    preview, fault = _opened(brought.file_id, brought)
    if fault:
        st.error(plain(f"{fault} Nothing can be launched with it."))
        return False
    st.image(preview, width="stretch", caption="The square that is measured")
    return True


@st.cache_data(max_entries=16, show_spinner="Reading the image")
def _opened(file: str, _brought: UploadedFile) -> tuple[str, str]:
    """Return the middle square of an image as a data URI, and why it cannot be read; one of them is empty."""
    try:
        image = Picture(_brought.name, _brought.getvalue()).opened()
    except InputError as error:
        return "", str(error)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side)).resize((PREVIEW, PREVIEW))
    return data_uri(np.array(square), PREVIEW), ""


def _study(model: str, root: Path) -> JobSpec | None:
    """What is asked of a whole study."""
    studies = estimates.studies_for(root, model)
    if not studies:
        st.info("No study is made for this model.")
        return None
    if st.session_state.get("launch study") not in studies:
        st.session_state["launch study"] = studies[0]
    name = st.selectbox("Study", studies, key="launch study", help="docs/studies.md says how to write one")
    limit = st.number_input("First subjects or sentences", 0, key="launch limit", help="How many. 0 means all.")
    images = st.number_input("Images of each prompt", 0, IMAGES, key="launch seeds", help="0: as the study says")
    guidance = _guidance("as the study says")
    choices = {AS_IT_SAYS: (None, None), **PRECISION}
    noises, target = choices[st.selectbox("Precision", list(choices), key="launch precision of study")]
    wanted = JobSpec(
        model,
        study=name,
        limit=int(limit) or None,
        images=int(images) or None,
        noises=noises,
        target=target,
        guidance=guidance,
    )
    narrowest = None if target else estimates.narrowest(wanted, root)
    if narrowest is None or narrowest.narrower == 1:
        return wanted
    if not st.toggle("Narrowest intervals for as many evaluations", key="launch narrowest"):
        return wanted
    st.caption(narrowest.sentence[0].upper() + narrowest.sentence[1:] + ".")
    return narrowest.of(wanted)


def _say(found: estimates.CostEstimate, wanted: JobSpec, root: Path) -> None:
    """Say what it costs, what of it is there, and what is wrong."""
    for fault in found.faults:
        st.error(plain(fault))
    for warning in found.warnings:
        st.caption(f":material/warning: {plain(warning)}")
    if not found.images:
        return
    said = []
    if found.there:
        said.append(
            f"The store has {found.there:,} of {counted(found.images, 'image')} already and keeps them as they are."
        )
    if found.fewer:
        said.append(f"{found.fewer:,} are there with {found.fewer_noises} noises, fewer than {found.noises}.")
    if found.evaluations:
        said.append(_cost(found, wanted, root))
    elif not found.faults:
        said.append("There is nothing to compute.")
    st.caption(" ".join(said))


def _cost(found: estimates.CostEstimate, wanted: JobSpec, root: Path) -> str:
    """Say what is to be computed, and how long that takes."""
    prompts = f"{counted(found.prompts, 'prompt')}, " if found.prompts > 1 else ""
    queue = Queue(root)
    try:
        pace, slots = queue.pace(wanted.model), sum(worker.slots for worker in queue.workers())
    except DiffusionPIDError:  # said among the faults
        pace, slots = None, 0
    spent = "how long that takes is known after the first image"
    if pace:
        spent = f"about {duration(found.evaluations / pace.rate / max(1, slots))}, {size(found.results * pace.size)}"
    return (
        f"To compute: {prompts}{counted(found.images - found.there, 'image')}, {counted(found.texts, 'text')}, "
        f"{counted(found.noises, 'noise')}: at most {found.evaluations:,} evaluations, {spent}."
    )


def _picture(wanted: JobSpec) -> Picture | None:
    """Return the image that somebody brought, where `wanted` is about one."""
    return Picture(wanted.picture, st.session_state[PICTURE].getvalue()) if wanted.picture else None


def _launch(wanted: JobSpec, priority: int, root: Path) -> None:
    """Put the job into the queue, once for two clicks; the form says so when it is drawn again."""
    author = " ".join(st.session_state.get("launch author", "").split())[:60] or "dashboard"
    queue = Queue(root)
    try:
        picture = _picture(wanted)
        alike = [] if picture else [job.number for job in queue.jobs(ACTIVE) if job.wanted == wanted]
        if alike:
            notices.say_later(f"Job {alike[0]} in the queue asks for the same", "info")
            return
        number = queue.submit(wanted, author, priority, picture.content if picture else None)
    except DiffusionPIDError as error:
        notices.say_later(str(error), "error")
        return
    st.session_state.setdefault(LAUNCHED, []).append((str(root), number))
    notices.say_later(f"Job {number} is in the queue", "check")
