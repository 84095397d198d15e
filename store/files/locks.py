"""Locks between processes, on all machines that share a folder (flock)."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

from filelock import FileLock

from store.errors import StoreError


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock in the file `path`; wait for whoever else holds it. One thread may hold it several times.

    Raises
    ------
    StoreError: the file system has no locks, or the file cannot be written.
    """
    lock = FileLock(path, is_singleton=True)
    try:
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(
            path, f"cannot be locked ({reason})", "use a folder that can be written, with locks"
        ) from error
    try:
        yield
    finally:
        lock.release()


def check_lockable(folder: Path) -> None:
    """Raise StoreError or OSError if no file can be made and locked in `folder`."""
    place = folder / f".{uuid4().hex}.lock"
    try:
        place.touch()  # where no file can be made, as in /proc, the lock would be tried for ever
        with locked(place):
            pass
    finally:
        place.unlink(missing_ok=True)


@cache
def is_lockable(folder: Path) -> bool:
    """Return whether a file can be made and locked in `folder`; asked once."""
    try:
        check_lockable(folder)
    except (StoreError, OSError):
        return False
    return True
