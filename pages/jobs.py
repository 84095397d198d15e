"""Everything that was asked for: what waits, how far what runs is, and what came of the rest."""

from pathlib import Path

import pandas as pd
import streamlit as st

from pages import address
from pages.data import glossary, results
from pages.figures.times import counted, duration, moment
from pages.widgets import exports, job_progress, notices
from store.errors import DiffusionPIDError
from store.jobs import ACTIVE, Job, Queue, State

EVERY = 2.0  # seconds
ENDED = 30  # jobs listed
BADGES = {State.DONE: ("green", "check"), State.FAILED: ("red", "error"), State.CANCELLED: ("gray", "block")}


def main() -> None:
    """The page."""
    view = address.current(address.View)
    root = results.folder(view)
    st.title("Jobs", anchor=False)
    st.markdown(
        f"A {glossary.link('job', 'job')} measures one prompt or a whole study, image by image. Each finished image is "
        "in the store at once and stays there, even if the job fails. A job that is tried again computes only what is "
        "missing."
    )
    _live(view, root)


@st.fragment(run_every=EVERY)
def _live(view: address.View, root: Path) -> None:
    notices.toast()
    queue = Queue(root)
    try:
        workers = queue.workers()
        active = queue.jobs(ACTIVE)
        ended = queue.jobs([one for one in State if one not in ACTIVE], ENDED + 1)
        for worker in workers:
            st.caption(notices.plain(f"Worker {worker.name}: {worker.place}, {worker.slots} at once"))
        if not workers:
            job_progress.no_worker(root)
        st.subheader(
            "Waiting and running", anchor=False, help=glossary.explained("Queued, running or cancelling.", "state")
        )
        if not active:
            st.text("No job waits or runs. To launch one, open New compute job in the sidebar.")
        for job in active:
            _active(queue, job, root)
        if ended:
            st.subheader("Ended", anchor=False)
        for job in ended[:ENDED]:
            _ended(queue, job, view, root)
        if len(ended) > ENDED:
            st.caption("Older ones: `python -m compute jobs`")
    except DiffusionPIDError as error:
        st.error(notices.plain(str(error)))


def _active(queue: Queue, job: Job, root: Path) -> None:
    with st.container(border=True, gap="small"):
        text, button = st.columns([6, 1], vertical_alignment="center")
        text.text(job.wanted.title)
        with button:
            job_progress.change(queue.cancel, "Cancel", job, f"cancel {job.number}", root)
        job_progress.bar(job)
        st.caption(notices.plain(_about(job)))
        _history(queue, job)


def _ended(queue: Queue, job: Job, view: address.View, root: Path) -> None:
    with st.container(border=True, gap="small"):
        text, badge, button = st.columns([6, 1, 1], vertical_alignment="center")
        text.text(job.wanted.title)
        color, icon = BADGES[job.state]
        badge.badge(str(job.state), color=color, icon=f":material/{icon}:")
        with button:
            if job.state != State.DONE:
                job_progress.change(queue.retry, "Retry", job, f"retry {job.number}", root)
            elif job.wanted.prompt:
                job_progress.link(job, view)
        if job.reason:
            st.text(job.reason)
        st.caption(notices.plain(_about(job)))
        _history(queue, job)


def _about(job: Job) -> str:
    """Who asked for it, when, and what it cost so far."""
    parts = [f"Job {job.number}", f"model {job.wanted.model}", f"by {job.author}", moment(job.created)]
    if job.began:
        parts.append(f"{job.progress.done} of {counted(job.progress.units, 'image')} in the store")
    if job.began and (job.ended or job.state in (State.RUNNING, State.CANCELLING)):  # not while its worker is gone
        parts.append(f"{job.progress.fresh} measured in {duration(job.seconds)}")
    if job.rate and (job.ended or job.state in (State.RUNNING, State.CANCELLING)):
        parts.append(f"{job.rate:,.0f} evaluations a second")
    return " \u00b7 ".join(parts)


def _history(queue: Queue, job: Job) -> None:
    """What failed, and what happened, in a box that opens."""
    with st.expander("History", key=f"history {job.number}"):
        failures = queue.failures(job.number)
        if failures:
            rows = [{"Prompt": one.prompt, "Seed": one.seed, "Reason": one.reason} for one in failures]
            exports.frame(pd.DataFrame(rows), alt=f"What failed of job {job.number}")
        lines = [f"{moment(written)}  {text}" for written, text in queue.log(job.number)]
        st.code("\n".join(lines), language=None, wrap_lines=True)


main()
