"""From the question to the maps without a terminal: the form in the sidebar, live progress, the Jobs page."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from compute.models import registry
from store import hdf5, settings
from store.jobs import Failure, JobSpec, Progress, Queue, State, WorkerStatus
from store.prompts import model_cards
from tests import synthetic
from tests.browser.test_pages import OVERLAY, choose, explorer, sound
from tests.conftest import ROOT

SLOW = 300_000  # milliseconds, for a model to be loaded and an image measured on a busy machine
NURSE = {"prompt": "a female nurse", "pair": "female+nurse", "seed": "0"}
PAIR = JobSpec("embedded", "a female doctor", (("female", "doctor"),), images=4, noises=64)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one prompt, and the card of the embedded model."""
    root = tmp_path / "store"
    hdf5.publish(root, synthetic.record())
    model_cards.publish(root, registry.card(registry.load("embedded", device="cpu"), "embedded"))
    return root


@pytest.fixture
def working() -> Iterator[Callable[[Path], None]]:
    """Starts a worker on a store, which ends with the test."""
    started: list[subprocess.Popen] = []

    def start(root: Path) -> None:
        command = [sys.executable, "-m", "compute", "worker", "--store", str(root)]
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
    expect(sidebar.get_by_role("button", name="Launch")).to_be_visible()
    return sidebar


def kill_server(address: str) -> None:
    port = address.rpartition(":")[2]
    (server,) = [child for child in psutil.Process().children() if port in child.cmdline()]
    server.kill()
    server.wait(60)


def test_a_pair_is_launched_from_the_sidebar_and_its_maps_appear(serve, store, working, page: Page):
    page.goto(explorer(serve(store), **NURSE))
    expect(page.get_by_text("Not in this store")).to_be_visible()
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
    sidebar.get_by_role("button", name="Launch").click()
    expect(sidebar.get_by_text("female + nurse in 'a female nurse'")).to_be_visible()
    expect(sidebar.get_by_text("No worker is running")).to_be_visible()
    expect(sidebar.get_by_test_id("stCode")).to_contain_text(f"python -m compute worker --store {store}")
    working(store)
    seen: set[float] = set()
    bar = sidebar.get_by_role("progressbar")
    while not page.locator(OVERLAY).count() and len(seen) < 3:
        if bar.count():
            seen.add(float(bar.first.get_attribute("aria-valuenow") or 0))
        page.wait_for_timeout(100)
    assert len(seen) >= 2, "the bar did not move"
    expect(page.locator(f"{OVERLAY} .heatmaplayer image").first).to_be_visible(timeout=SLOW)
    expect(sidebar.get_by_text("done, 1 of 1 images")).to_be_visible()
    assert page.evaluate("window.same")
    (record,) = [hdf5.read(path) for path in hdf5.paths(store) if "nurse" in path.name]
    assert (record.key.prompt, record.seeds, record.pairs[0].noises) == ("a female nurse", (0,), (64,))
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_text("1 measured in")).to_be_visible()
    sound(page)


def test_a_job_outlives_the_dashboard_and_is_cancelled_on_its_page(serve, store, page: Page):
    address = serve(store)
    page.goto(explorer(address))
    form(page).get_by_role("button", name="Launch").click()
    expect(page.get_by_text("Job 1 is in the queue")).to_be_visible()
    kill_server(address)
    page.goto(f"{serve(store)}/jobs")
    expect(page.get_by_test_id("stMain").get_by_text("queued", exact=True)).to_be_visible()
    main = page.get_by_test_id("stMain")
    main.get_by_role("button", name="Cancel").click()
    expect(main.get_by_text("cancelled").first).to_be_visible()
    assert Queue(store).job(1).state == State.CANCELLED
    main.get_by_role("button", name="Retry").click()
    expect(main.get_by_text("queued", exact=True)).to_be_visible()
    assert Queue(store).job(1).state == State.QUEUED
    sound(page)


def test_a_study_goes_on_whatever_becomes_of_dashboards(serve, store, working, epsilon_folder, page: Page):
    queue = Queue(store)
    study = JobSpec(str(epsilon_folder), study="gender", limit=1, images=3, noises=128, dtype="float32")
    number = queue.submit(study, "Ada")
    working(store)
    for _ in range(2):
        address = serve(store)
        page.goto(f"{address}/jobs")
        expect(page.get_by_text(re.compile("[1-9] of 9 images in the store"))).to_be_visible(timeout=SLOW)
        kill_server(address)
    page.goto(f"{serve(store)}/jobs")
    expect(page.get_by_text("9 measured in")).to_be_visible(timeout=SLOW)
    job = queue.job(number)
    assert (job.state, job.progress.done, job.progress.fresh, job.progress.failed) == (State.DONE, 9, 9, 0)


def test_what_failed_is_on_the_page_with_its_reason_as_text(serve, store, page: Page):
    queue = Queue(store)
    number = queue.submit(PAIR, "<b>Ada</b>")
    queue.beat(WorkerStatus("w", "here", 1, 0.0))
    job = queue.take("w")
    queue.report(job, Progress(4, 3, 1, 3, 0.0, 600))
    queue.fail(job, Failure("a female doctor", 2, "*out* of memory"))
    queue.finish(job, "1 of 4 images could not be measured")
    page.goto(f"{serve(store)}/jobs")
    main = page.get_by_test_id("stMain")
    expect(main.get_by_text("1 of 4 images could not be measured")).to_be_visible()
    expect(main.get_by_text("\u00b7 by <b>Ada</b> \u00b7")).to_be_visible()
    main.get_by_text("History").click()
    expect(main.get_by_test_id("stCode").last).to_contain_text("'a female doctor', seed 2: *out* of memory")
    expect(main.get_by_role("button", name="Retry")).to_be_visible()
    assert queue.job(number).state == State.FAILED


def test_words_are_checked_before_anything_is_spent(serve, store, page: Page):
    page.goto(explorer(serve(store)))
    sidebar = form(page)
    prompt = sidebar.get_by_role("textbox", name="Prompt of the job")
    prompt.fill("a female doctor " + "and a cat " * 6)
    prompt.press("Enter")
    expect(sidebar.get_by_text(re.compile("model embedded reads 14 and would cut off"))).to_be_visible()
    expect(sidebar.get_by_role("button", name="Launch")).to_be_disabled()
    prompt.fill("a female zebra")
    prompt.press("Enter")
    sidebar.get_by_role("button", name="zebra", exact=True).click()
    expect(sidebar.get_by_text("never trained with zebra")).to_be_visible()
    expect(sidebar.get_by_role("button", name="Launch")).to_be_enabled()
    sidebar.get_by_role("radio", name="A study").click()
    expect(sidebar.get_by_text(re.compile(r"\d+ prompts, \d+ images"))).to_be_visible()
    sidebar.get_by_role("radio", name="A prompt").click()
    expect(prompt).to_have_value("a female zebra")
    expect(sidebar.get_by_text("never trained with zebra")).to_be_visible()
    sound(page)


def test_what_is_only_shown_offers_no_jobs(serve, store, page: Page, monkeypatch):
    Queue(store).submit(PAIR, "Ada")
    monkeypatch.setenv(f"{settings.PREFIX}READ_ONLY", "1")
    page.goto(f"{serve(store)}/jobs")
    expect(page.get_by_text("female + doctor in 'a female doctor'")).to_be_visible()
    expect(page.get_by_text("New compute job", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def test_an_own_image_is_asked_about(serve, store, tmp_path, page: Page):
    broken, own = tmp_path / "broken.png", tmp_path / "my_doctor.png"
    broken.write_bytes(b"no image")
    Image.new("RGB", (40, 30), "red").save(own)
    page.goto(explorer(serve(store)))
    sidebar = form(page)
    page.locator("input[type=file]").set_input_files(broken)
    expect(sidebar.get_by_text("image broken.png: cannot be read")).to_be_visible()
    expect(sidebar.get_by_role("button", name="Launch")).to_have_count(0)
    page.locator("input[type=file]").set_input_files(own)
    expect(sidebar.get_by_text("The square that is measured")).to_be_visible()
    expect(sidebar.get_by_text("1 image, 8 texts, 64 noises")).to_be_visible()
    sidebar.get_by_role("button", name="Launch").click()
    expect(sidebar.get_by_text("female + doctor in 'my_doctor.png'")).to_be_visible()
    queue = Queue(store)
    assert queue.picture(1) == own.read_bytes()
    assert (queue.job(1).wanted.picture, queue.job(1).wanted.images) == ("my_doctor.png", 1)


def test_an_empty_store_leads_to_the_form_filled_in_for_it(serve, tmp_path, page: Page):
    page.goto(f"{serve(tmp_path / 'nothing')}/gender")
    page.get_by_role("button", name="Or launch it from here").click()
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar.get_by_role("combobox", name="Study")).to_have_value("embedded-gender")
    expect(sidebar.get_by_role("button", name="Launch")).to_be_enabled()
