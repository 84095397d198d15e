"""File systems without locks: what is there is read, and nothing is computed that could not be stored."""

import errno
import fcntl

import pytest

from store import hdf5
from store.__main__ import main
from store.catalogue import Catalogue
from store.catalogue.schema import NAME
from store.errors import StoreError
from store.files.locks import is_lockable
from tests import synthetic


@pytest.fixture(params=[errno.ENOLCK, errno.EOPNOTSUPP])
def no_locks(tmp_path, monkeypatch, request):
    """A store of one prompt on a file system that refuses every lock."""
    hdf5.publish(tmp_path, synthetic.record(**synthetic.SMALL))

    def refuse(*_):
        raise OSError(request.param, "refused")

    is_lockable.cache_clear()
    monkeypatch.setattr(fcntl, "flock", refuse)
    yield tmp_path
    is_lockable.cache_clear()


def test_reading_takes_no_lock(no_locks, capsys):
    assert main(["ls", "--store", str(no_locks)]) == 0
    assert "a female doctor" in capsys.readouterr().out
    assert Catalogue(no_locks).count() == 2
    assert main(["check", "--store", str(no_locks)]) == 0
    assert not (no_locks / NAME).exists()


def test_writing_is_refused_before_anything_is_computed(no_locks):
    with pytest.raises(
        StoreError, match="cannot be locked .*refused.*file system with locks|folder that can be written"
    ):
        hdf5.check_writable(no_locks)
    with pytest.raises(StoreError, match="cannot be locked"):
        hdf5.publish(no_locks, synthetic.record(words=("a", "doctor"), **synthetic.SMALL))
    assert [path.suffix for path in no_locks.iterdir() if path.suffix] == []


def test_repair_says_what_is_missing(no_locks, capsys):
    assert main(["repair", "--store", str(no_locks)]) == 2
    assert "cannot be locked" in capsys.readouterr().err
