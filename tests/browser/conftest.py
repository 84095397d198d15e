"""A dashboard for each store of a file of tests, and a real Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")  # the quickest first
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-software-rasterizer",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 90_000  # milliseconds: a cold server on a very busy machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM is None:
        reason = "no Chromium on this machine: install it, for example with apt-get install chromium"
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": {"width": 1366, "height": 768}}


@pytest.fixture(scope="module")
def page(browser: Browser, browser_context_args: dict) -> Iterator[Page]:
    """A tab for all tests of a file, each of which opens an address: a new tab takes twice the processor time."""
    with browser.new_context(**browser_context_args) as context:
        context.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        yield context.new_page()


@pytest.fixture(autouse=True)
def online(page: Page) -> Iterator[None]:
    """A test that goes offline leaves the tab online."""
    yield
    page.context.set_offline(False)


class Dashboards:
    """Calling it starts the dashboard on a store, if none runs on it yet, and gives its address."""

    def __init__(self, logs: Path):
        self.logs = logs
        self.running: dict[Path, tuple[str, subprocess.Popen]] = {}

    def __call__(self, store: Path) -> str:
        if store in self.running and self.running[store][1].poll() is None:
            return self.running[store][0]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = self.logs / f"{port}.log"
        address = f"http://127.0.0.1:{port}"
        command = ["-m", "streamlit", "run", "dashboard.py", "--server.headless", "true", "--server.port", str(port)]
        environment = {**os.environ, "DIFFUSIONPID_STORE": str(store)}
        with log.open("w") as output:
            server = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        self.running[store] = address, server
        for _ in range(150):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                return address
            except OSError:
                time.sleep(0.2)
        raise RuntimeError(f"the dashboard did not start:\n{log.read_text()}")

    def stop(self) -> None:
        """Tell every one to end, and wait for it."""
        for _, server in self.running.values():
            server.terminate()
        for _, server in self.running.values():
            server.wait(60)


@pytest.fixture(scope="module")
def serve(tmp_path_factory) -> Iterator[Dashboards]:
    dashboards = Dashboards(tmp_path_factory.mktemp("servers"))
    yield dashboards
    dashboards.stop()
