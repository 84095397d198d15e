"""Seconds from a click to a picture: `python -m tests.bench.launch [--rounds N]`.

Starts a worker and a dashboard on a new store, warms the worker up, launches 16 noises of one image of a prompt from
the form in a real Chromium, N times, and prints when the job was in the queue, when the first evaluation was made,
when its result was in the store, and when the picture was on the page, in seconds since the click.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

from store.jobs import ACTIVE, JobSpec, Queue, State
from tests.browser.conftest import CHROMIUM, FLAGS, PATIENCE, Dashboards
from tests.browser.test_pages import OVERLAY, explorer
from tests.conftest import ROOT

WARM = "a male doctor", ("male", "doctor")
TRIES = 10  # to open a list
ASKED = ("female", "nurse"), ("red", "heart"), ("wild", "cat"), ("blue", "circle"), ("male", "mechanic")
SHOWN = """drawn => new Promise(resolve => {
    const look = () => document.querySelector(drawn) && requestAnimationFrame(() => resolve(Date.now()));
    new MutationObserver(look).observe(document.body, {childList: true, subtree: true});
})"""  # the frame after which it is seen; Playwright's own waiting looks every half second
LIMIT = 600.0  # seconds for the worker to start and to warm up


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.launch", description=__doc__)
    parser.add_argument("--rounds", type=int, choices=range(1, 6), default=5, help="default: %(default)s")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, dashboards = Path(folder) / "store", Dashboards(Path(folder))
        command = [sys.executable, "-m", "compute", "worker", "--store", str(root), "--local", "1"]
        worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            warm_up(Queue(root))
            spent = launches(dashboards(root), Queue(root), given.rounds)
        finally:
            dashboards.stop()
            worker.terminate()
            worker.wait(60)
    print("| round | queued | first evaluation | in the store | on the page |\n|---|---|---|---|---|")
    for number, times in enumerate(spent, 1):
        print(f"| {number} | {' | '.join(f'{each:.2f}' for each in times)} |")
    print(f"| median | {' | '.join(f'{statistics.median(each):.2f}' for each in zip(*spent, strict=True))} |")


def warm_up(queue: Queue) -> None:
    """Have the worker measure once, so that its model is loaded and its card is in the store."""
    prompt, pair = WARM
    number = queue.submit(JobSpec("embedded", prompt=prompt, pairs=(pair,), images=1, noises=16), "benchmark")
    until = time.monotonic() + LIMIT
    while queue.job(number).state in ACTIVE:
        if time.monotonic() > until:
            raise TimeoutError(f"the worker did not warm up within {LIMIT:.0f} s")
        time.sleep(0.5)
    if (job := queue.job(number)).state != State.DONE:
        raise RuntimeError(job.reason)


def launches(address: str, queue: Queue, rounds: int) -> list[tuple[float, ...]]:
    """Launch a job in each of so many `rounds`; return the moments of each, in seconds since its click."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.goto(explorer(address, prompt=WARM[0], pair="+".join(WARM[1]), seed="0"))  # browsers compile Plotly once
        page.locator(OVERLAY).wait_for()
        spent = [launch(page, address, queue, *pair) for pair in ASKED[:rounds]]
        browser.close()
    return spent


def choose(box: Locator, option: Locator) -> None:
    """Choose in a box; its list closes when the page moves, and is opened again."""
    for _ in range(TRIES):
        if option.is_visible():
            break
        box.click()
        box.page.wait_for_timeout(1000)
    option.click()


def launch(page: Page, address: str, queue: Queue, first: str, second: str) -> tuple[float, ...]:
    """Fill in the form where the pair is missing, click, and wait for the picture."""
    page.goto(explorer(address, prompt=f"a {first} {second}", pair=f"{first}+{second}", seed="0"))
    expect(page.get_by_text("Not in this store")).to_be_visible()
    sidebar = page.get_by_test_id("stSidebar")
    sidebar.get_by_text("New compute job").click()
    images = sidebar.get_by_role("spinbutton", name="Images")
    images.fill("1")
    images.press("Enter")
    expect(sidebar.get_by_text("1 image, 8 texts, 64 noises")).to_be_visible()
    choose(sidebar.get_by_role("combobox", name="Precision"), page.get_by_role("option", name="Sketch: 16 noises"))
    expect(sidebar.get_by_text("1 image, 8 texts, 16 noises")).to_be_visible()
    button = sidebar.get_by_role("button", name="Launch", exact=True)
    button.scroll_into_view_if_needed()
    began = time.time()
    button.click()
    shown = page.evaluate(SHOWN, f"{OVERLAY} .heatmaplayer image") / 1000 - began
    while queue.jobs(ACTIVE):
        time.sleep(0.1)
    job = queue.jobs()[0]
    return *(datetime.fromisoformat(each).timestamp() - began for each in (job.created, job.began, job.ended)), shown


if __name__ == "__main__":
    main()
