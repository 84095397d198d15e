"""Files that appear whole or not at all: written aside, flushed to disk, renamed into place."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUFFIX = ".part"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path`, to be written in the block; it takes the place of `path` at the end, or vanishes."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=SUFFIX)
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        aside.chmod(0o644)
        _sync(aside)
        os.replace(aside, path)
        _sync(path.parent)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove what writers left that died; to be called where no other can be writing."""
    for path in folder.glob(f".*{SUFFIX}"):
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
