"""Files that appear whole or not at all: written aside, flushed to disk, renamed into place."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

SUFFIX = ".part"


@contextmanager
def replacing(path: Path, over_link: bool = False) -> Iterator[Path]:
    """Yield a file beside `path` to write into; it takes the place of `path` at the end, or vanishes on an error.

    A file that was there keeps its mode, a new one gets what the umask allows. With `over_link`, a link at `path` is
    replaced; what it leads to stays.

    Raises
    ------
    OSError: there is no room, or `path` is a device, a pipe, a folder or a link, which a file must not replace.
    """
    mode = _mode_of(path, over_link)
    aside = path.with_name(f".{path.stem[:40]}-{uuid4().hex[:12]}{SUFFIX}")
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield aside
        if mode is not None:
            aside.chmod(mode)
        _sync(aside)
        os.replace(aside, path)
        _sync(path.parent)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove the files that dead writers left in `folder`; to be called while nobody else can be writing there."""
    for path in folder.glob(f".*{SUFFIX}"):
        path.unlink(missing_ok=True)


def _mode_of(path: Path, over_link: bool) -> int | None:
    """Return the mode of the file at `path`, None if there is none."""
    try:
        found = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found) and over_link:
        return None
    if not stat.S_ISREG(found):
        raise OSError(errno.EINVAL, "it is no regular file")
    return stat.S_IMODE(found)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
