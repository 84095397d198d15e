"""How far jobs are: in the sidebar of every page, and in full on the Jobs page."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from pages import address
from pages.address import View
from pages.figures.times import duration
from pages.widgets import notices
from store import settings
from store.errors import DiffusionPIDError
from store.jobs import ACTIVE, Job, Queue, State
from store.records import pair_name

EVERY = 2.0  # seconds
PAUSE = 10.0  # seconds between two times that a page takes up new results of one job
SHOWN = 4  # jobs in the sidebar
SEEN = "jobs as the page saw them"
LAUNCHED = "launched"  # numbers of the jobs of this session, the newest last


def draw(view: View, root: Path) -> None:
    """Running jobs in the sidebar; where new results come in, the page is drawn again."""
    st.session_state[SEEN] = _results(_watched(Queue(root))), time.monotonic()
    _sidebar(view, root)


@st.fragment(run_every=EVERY)
def _sidebar(view: View, root: Path) -> None:
    queue = Queue(root)
    try:
        watched, workers = _watched(queue), queue.workers()
    except DiffusionPIDError as error:
        st.error(notices.plain(str(error)))
        return
    if _is_new(watched):
        address.keep()
        st.rerun()
    if watched:
        st.caption("Jobs")
    for job in watched[:SHOWN]:
        with st.container(border=True, gap="xxsmall"):
            st.text(job.wanted.title)
            bar(job)
            if job.state in ACTIVE:
                change(queue.cancel, "Cancel", job, f"sidebar cancel {job.number}")
            elif job.wanted.prompt and job.progress.done:
                link(job, view)
    if len(watched) > SHOWN:
        st.caption(f"and {len(watched) - SHOWN} more on the Jobs page")
    if any(job.state in ACTIVE for job in watched) and not workers:
        no_worker(root)


def _watched(queue: Queue) -> list[Job]:
    """The jobs that have not ended, and those of this session."""
    active = queue.jobs(ACTIVE)
    numbers = {job.number for job in active}
    mine = st.session_state.get(LAUNCHED, [])[: -SHOWN - 1 : -1]
    return [*active, *(queue.job(number) for number in mine if number not in numbers)]


def _results(jobs: Sequence[Job]) -> dict[int, tuple[bool, int]]:
    """Of each job whether it has ended, and how many results it has brought."""
    return {job.number: (job.state not in ACTIVE, job.progress.fresh) for job in jobs}


def _is_new(jobs: Sequence[Job]) -> bool:
    """Whether a job ended or brought its first result since the page was drawn; or a while ago, and it has more."""
    before, drawn = st.session_state.get(SEEN, ({}, 0.0))
    now, late = _results(jobs), time.monotonic() - drawn > PAUSE
    for number, (had_ended, had) in before.items():
        ended, fresh = now.get(number, (True, had))
        if ended and not had_ended or fresh > had and (late or not had):
            return True
    return any(fresh for number, (_, fresh) in now.items() if number not in before)


def bar(job: Job) -> None:
    """The state of a job, in words and as a bar."""
    progress = job.progress
    parts = [str(job.state)]
    if progress.units:
        parts.append(f"{progress.done} of {progress.units} images")
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if job.seconds_left is not None:
        parts.append(f"{duration(job.seconds_left)} left")
    st.progress(job.share, ", ".join(parts))


def change(act: Callable[[int], None], label: str, job: Job, key: str) -> None:
    """A button that changes a job; not where nothing may be changed."""
    if settings.load().read_only:
        return

    def pressed() -> None:
        try:
            act(job.number)
        except DiffusionPIDError as error:
            st.toast(notices.plain(str(error)), icon=":material/error:")

    disabled = job.state == State.CANCELLING
    st.button(
        label, key=key, on_click=pressed, disabled=disabled, help=f"Job {job.number}: {notices.plain(job.wanted.title)}"
    )


def link(job: Job, view: View) -> None:
    """The way to what a job measured."""
    wanted = job.wanted
    (first, *_) = (*wanted.pairs, *wanted.probes)
    parameters = {"model": view.model, "prompt": wanted.prompt, "pair": pair_name(*first)}
    st.page_link("explorer.py", label="Open", icon=":material/arrow_forward:", query_params=parameters)


def no_worker(root: Path) -> None:
    """What to do where nobody works on the queue."""
    st.warning("No worker is running: jobs wait until one is started, by")
    st.code(f"python -m compute worker --store {root}", language="bash", wrap_lines=True)
