"""From the question to the maps without a terminal: the form in the sidebar, live progress, the Jobs page."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from compute.models import registry
from store import hdf5
from store.jobs import JobSpec, Queue, State
from store.prompts import model_cards
from tests import synthetic
from tests.browser.test_pages import OVERLAY, choose, explorer, sound
from tests.budget import soak
from tests.conftest import ROOT

SLOW = 300_000  # milliseconds, for a model to be loaded and an image measured on a busy machine
NURSE = {"prompt": "a female nurse", "pair": "female+nurse", "seed": "0"}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A store with one prompt, and the card of the embedded model."""
    root = tmp_path_factory.mktemp("jobs") / "store"
    hdf5.publish(root, synthetic.record())
    model_cards.publish(root, registry.card(registry.load("embedded", device="cpu"), "embedded"))
    return root


@pytest.fixture(scope="module")
def working(store) -> Iterator[Callable[[], None]]:
    """Starts a worker on the store, unless there is one; it ends with the last test."""
    started: list[subprocess.Popen] = []

    def start() -> None:
        if not started:
            command = [sys.executable, "-m", "compute", "worker", "--store", str(store)]
            started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL))

    yield start
    for process in started:
        process.terminate()
    for process in started:
        process.wait(60)


def form(page: Page):
    """The form in the sidebar, opened."""
    sidebar = page.get_by_test_id("stSidebar")
    sidebar.get_by_text("New compute job").click()
    expect(sidebar.get_by_role("button", name="Launch", exact=True)).to_be_visible()
    return sidebar


def kill_server(address: str) -> None:
    port = address.rpartition(":")[2]
    (server,) = [child for child in psutil.Process().children() if port in child.cmdline()]
    server.kill()
    server.wait(60)


def test_a_pair_is_launched_from_the_sidebar_and_its_maps_appear(serve, store, working, page: Page):
    page.goto(explorer(serve(store), **NURSE))
    expect(page.get_by_text("Not in this store")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_be_hidden()  # loaded before there is anything to draw
    expect(page.locator(".js-plotly-plot")).to_be_attached()
    page.evaluate("window.same = true")
    sidebar = form(page)
    expect(sidebar.get_by_role("textbox", name="Prompt of the job")).to_have_value("a female nurse")
    expect(sidebar.get_by_role("button", name="female", exact=True)).to_have_attribute("aria-pressed", "true")
    images = sidebar.get_by_role("spinbutton", name="Images")
    images.fill("1")
    images.press("Enter")
    expect(sidebar.get_by_text("1 image, 8 texts, 64 noises")).to_be_visible()
    choose(page, "Precision", "Result: 256 noises")
    expect(sidebar.get_by_text("1 image, 8 texts, 256 noises: at most 2,048 evaluations")).to_be_visible()
    choose(page, "Precision", "Draft: 64 noises")
    expect(sidebar.get_by_text("at most 512 evaluations")).to_be_visible()
    margin, main = "getComputedStyle(element).paddingLeft", page.locator(".stMainBlockContainer")
    before = main.evaluate(f"element => {margin}")
    sidebar.get_by_role("button", name="Launch", exact=True).click()
    expect(sidebar.get_by_text("female + nurse in 'a female nurse'")).to_be_visible()
    assert main.evaluate(f"element => {margin}") == before  # the message took no place of the styles
    expect(sidebar.get_by_text("No worker runs")).to_be_visible()
    expect(sidebar.get_by_test_id("stCode")).to_contain_text(f"python -m compute worker --store {store}")
    working()
    seen: set[float] = set()
    bar = sidebar.get_by_role("progressbar")
    while not page.locator(OVERLAY).count() and len(seen) < 3:
        if bar.count():
            seen.add(float(bar.first.get_attribute("aria-valuenow") or 0))
        page.wait_for_timeout(100)
    assert len(seen) >= 2, "the bar did not move"
    expect(page.locator(f"{OVERLAY} .heatmaplayer image").first).to_be_visible(timeout=SLOW)
    expect(sidebar.get_by_text("done, 1 of 1 image")).to_be_visible()
    assert page.evaluate("window.same")
    (record,) = [hdf5.read(path) for path in hdf5.paths(store) if "nurse" in path.name]
    assert (record.key.prompt, record.seeds, record.pairs[0].noises) == ("a female nurse", (0,), (64,))
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_text("1 measured in")).to_be_visible()
    sound(page)


@soak
def test_a_study_goes_on_whatever_becomes_of_dashboards(serve, store, working, epsilon_folder, page: Page):
    queue = Queue(store)
    study = JobSpec(str(epsilon_folder), study="gender", limit=1, images=3, noises=128, dtype="float32")
    number = queue.submit(study, "Ada")
    address = serve(store)
    page.goto(f"{address}/jobs")
    working()
    expect(page.get_by_text(re.compile("[1-9] of 9 images in the store"))).to_be_visible(timeout=SLOW)
    kill_server(address)
    page.goto(f"{serve(store)}/jobs")
    expect(page.get_by_text("9 measured in")).to_be_visible(timeout=SLOW)
    job = queue.job(number)
    assert (job.state, job.progress.done, job.progress.fresh, job.progress.failed) == (State.DONE, 9, 9, 0)
    sound(page)
