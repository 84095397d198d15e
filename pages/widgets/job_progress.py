"""How far jobs are: in the sidebar of every page, and in full on the Jobs page."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import streamlit as st

from pages import address
from pages.address import View
from pages.data import results
from pages.data.shell_commands import worker_command
from pages.figures.times import counted, duration
from pages.widgets import notices
from store.errors import DiffusionPIDError, InputError
from store.jobs import ACTIVE, Job, Queue, State
from store.records import pair_name

EVERY = 2.0  # seconds between two looks at the queue
OFTEN, SOON = 1.0, 0.2  # the same while a job about one prompt waits or runs: with its bar drawn anew, and without
PAUSE = 10.0  # seconds between two times that a page takes up new results of one job
SHOWN = 4  # jobs in the sidebar
KNOWN = 0.25  # images measured, before which the time to load the model hides how long one takes
SEEN = "jobs as the page saw them"
LAUNCHED = "launched"  # store and number of the jobs of this session, the newest last


def draw(view: View, root: Path) -> None:
    """Running jobs in the sidebar; where new results come in, the page is drawn again."""
    try:
        watched = _watched(Queue(root))
    except DiffusionPIDError:  # the list itself says so
        watched = []
    st.session_state[SEEN] = _results(watched), time.monotonic()
    soon = any(job.state in ACTIVE and job.wanted.prompt for job in watched)
    st.fragment(_sidebar, run_every=OFTEN if soon else EVERY)(view, root)
    if soon:
        st.fragment(_look, run_every=SOON)(root)


def _look(root: Path) -> None:
    """Have the page drawn again if there is something new; nothing is drawn here, so that browsers have little work."""
    with suppress(DiffusionPIDError):  # the list itself says so
        _take_up(_watched(Queue(root)))


def _sidebar(view: View, root: Path) -> None:
    notices.toast()
    queue = Queue(root)
    try:
        watched, workers = _watched(queue), queue.workers()
    except DiffusionPIDError as error:
        st.error(notices.plain(str(error)))
        return
    _take_up(watched)
    if watched:
        st.caption("Jobs")
    for job in watched[:SHOWN]:
        with st.container(border=True, gap="xxsmall"):
            st.text(job.wanted.title)
            bar(job)
            if job.state in ACTIVE:
                change(queue.cancel, "Cancel", job, f"sidebar cancel {job.number}", root)
            elif job.wanted.prompt and job.progress.done:
                link(job, view)
    if len(watched) > SHOWN:
        st.caption(f"and {len(watched) - SHOWN} more on the Jobs page")
    if any(job.state in ACTIVE for job in watched) and not workers:
        no_worker(root)


def _take_up(jobs: Sequence[Job]) -> None:
    """Have the page drawn again if `jobs` bring something new."""
    if _is_new(jobs):
        address.keep()
        st.rerun()


def _watched(queue: Queue) -> list[Job]:
    """The jobs that have not ended, and those of this session that there are in this store."""
    active = queue.jobs(ACTIVE)
    numbers = {job.number for job in active}
    mine = [number for root, number in st.session_state.get(LAUNCHED, []) if root == str(queue.root)]
    found = list(active)
    for number in mine[: -SHOWN - 1 : -1]:
        if number not in numbers:
            with suppress(InputError):  # the queue was deleted or replaced
                found.append(queue.job(number))
    return found


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
        parts.append(f"{progress.done} of {counted(progress.units, 'image')}")
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if job.seconds_left is not None and progress.fresh + progress.partial >= KNOWN:
        parts.append(f"{duration(job.seconds_left)} left")
    st.progress(job.share, ", ".join(parts))


def change(act: Callable[[int], None], label: str, job: Job, key: str, root: Path) -> None:
    """A button that changes a job; not where nothing may be changed."""
    if not results.is_writable(root):
        return

    def pressed() -> None:
        try:
            act(job.number)
        except DiffusionPIDError as error:
            notices.say_later(str(error), "error")

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
    st.warning("No worker runs, so jobs wait. Whoever looks after this dashboard can start one with this command:")
    st.code(worker_command(root), language="bash", wrap_lines=True)
