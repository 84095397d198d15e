"""The catalogue while other processes write, rebuild it and are killed."""

import signal
import sqlite3
import subprocess
import sys
import textwrap

import pytest

from store import hdf5
from store.catalogue import NAME, Catalogue, Filter, index, schema
from tests import synthetic
from tests.conftest import ROOT


def run(code: str, *given: object) -> subprocess.Popen:
    """A process of its own that runs `code`."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, given)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_slow_reader_keeps_nobody_from_writing(filled):
    entries = Catalogue(filled).entries()
    next(entries)
    hdf5.publish(filled, synthetic.record("a new prompt", ("new", "prompt")))
    assert Catalogue(filled).count(Filter(text="new prompt")) == 2
    for _ in Catalogue(filled).rebuild():
        pass
    assert len(list(entries)) >= 17


def test_what_other_processes_publish_is_read_while_they_do(tmp_path):
    writer = run(
        """
        import sys, pathlib
        from store import hdf5
        from tests import synthetic
        for number in range(12):
            record = synthetic.record(f"a thing {number}", ("a", "thing"), size=8, grid=4)
            hdf5.publish(pathlib.Path(sys.argv[1]), record)
        """,
        tmp_path,
    )
    counts = []
    while writer.poll() is None:
        found = [(entry.path, entry.mode) for entry in Catalogue(tmp_path).entries()]
        assert len(found) == len(set(found))
        counts.append(len(found))
    assert writer.returncode == 0
    assert counts == sorted(counts)
    assert Catalogue(tmp_path).count() == 24


def test_a_rebuild_that_is_killed_leaves_the_old_catalogue(filled):
    expected = list(Catalogue(filled).entries())
    before = (filled / NAME).read_bytes()
    half = run(
        """
        import sys, pathlib, time
        from store.catalogue import Catalogue
        for done, total in Catalogue(pathlib.Path(sys.argv[1])).rebuild():
            if done > total // 2:
                print(done, flush=True)
                time.sleep(60)
        """,
        filled,
    )
    assert half.stdout.readline()
    assert (filled / NAME).read_bytes() == before
    half.send_signal(signal.SIGKILL)
    half.wait()
    assert list(filled.glob(".*.part"))
    assert list(Catalogue(filled).entries()) == expected
    *_, last = Catalogue(filled).rebuild()
    assert last == (8, 8)
    assert not list(filled.glob(".*.part")) and list(Catalogue(filled).entries()) == expected


def test_a_rebuild_that_is_given_up_changes_nothing(filled):
    expected = list(Catalogue(filled).entries())
    half = Catalogue(filled).rebuild()
    next(half)
    half.close()
    assert not list(filled.glob(".*.part")) and list(Catalogue(filled).entries()) == expected


def test_several_processes_may_rebuild_at_once(filled):
    expected = list(Catalogue(filled).entries())
    code = "import sys; from store.__main__ import main; sys.exit(main())"
    commands = [run(code, "reindex", "--store", filled) for _ in range(2)]
    while any(command.poll() is None for command in commands):
        assert list(Catalogue(filled).entries()) == expected
    assert [command.returncode for command in commands] == [0, 0]
    assert list(Catalogue(filled).entries()) == expected


def test_who_has_the_old_catalogue_open_writes_into_the_new_one(filled):
    database = schema.connect(filled / NAME) if Catalogue(filled).count() else None
    for _ in Catalogue(filled).rebuild():
        pass
    hdf5.publish(filled, synthetic.record("a new prompt", ("new", "prompt")))
    with pytest.raises(sqlite3.OperationalError) as raised:
        index.refresh(database, filled)
    assert schema.replaced(raised.value)
    database.close()
    assert Catalogue(filled).count(Filter(text="new prompt")) == 2
