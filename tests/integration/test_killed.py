"""Writers that die at any moment and disks that fill up: what was reported as written is there, nothing is torn."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from store import hdf5
from store.catalogue import Catalogue
from store.errors import StoreError
from tests import synthetic
from tests.budget import rounds
from tests.conftest import ROOT

KILLS = rounds(15, 200)
FULL = """
import sys
from pathlib import Path
from store import hdf5
from store.errors import StoreError
from tests import synthetic
root = Path(sys.argv[1])
for number in range(1000):
    try:
        print(hdf5.publish(root, synthetic.record(f"prompt {number}", ("prompt", str(number)))), flush=True)
    except StoreError as error:
        print(error, file=sys.stderr)
        sys.exit(7)
"""


def test_killed_writers_lose_nothing_they_reported(tmp_path):
    root, reports = tmp_path / "store", tmp_path / "reports"
    reports.mkdir()
    killing = [sys.executable, "-m", "tests.killing", root, reports, str(KILLS)]
    subprocess.run(killing, cwd=ROOT, check=True)
    lines = [line for file in reports.iterdir() for line in file.read_text().splitlines()]
    reported = {tuple(json.loads(line)) for line in lines}
    assert len(lines) > KILLS / 20
    records = {path: hdf5.read(path) for path in hdf5.paths(root)}
    assert all(hdf5.problems(path) == [] for path in records)
    for path, pair, seed in reported:
        (result,) = [result for result in records[Path(path)].pairs if result.pair.name == pair]
        assert seed in result.seeds
    listed = {(entry.path, entry.pair) for entry in Catalogue(root).entries()}
    assert {(Path(path), pair) for path, pair, _ in reported} <= listed
    done = subprocess.run([sys.executable, "-m", "store", "check", "--store", root], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1.5 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", place], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_is_said_and_leaves_the_store_whole(small_disk):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", FULL, small_disk], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 7, done.stderr  # its own exit: HDF5 did not end the process
    assert "No space left on device" in done.stderr and "make room" in done.stderr
    written = {Path(line) for line in done.stdout.splitlines()}
    assert written and set(hdf5.paths(small_disk)) == written
    assert all(hdf5.problems(path) == [] for path in written)
    assert not list(small_disk.rglob("*.part"))
    again = synthetic.record("prompt 0", ("prompt", "0"), seeds=tuple(range(10, 30)))
    with pytest.raises(StoreError, match="what was there is unharmed"):
        hdf5.publish(small_disk, again)
    assert hdf5.read(hdf5.path_of(small_disk, again.key)).seeds == synthetic.record().seeds
    assert len(list(Catalogue(small_disk).entries())) == 2 * len(written)
    with pytest.raises(StoreError, match="make room"):
        list(hdf5.write_bundle(small_disk / "bundle.h5", {path: {"prompt+0"} for path in written}))
    assert not (small_disk / "bundle.h5").exists()
    shutil.rmtree(next(iter(written)).parent)
    hdf5.publish(small_disk, synthetic.record("a late page", ("late", "page"), size=16, grid=4))
