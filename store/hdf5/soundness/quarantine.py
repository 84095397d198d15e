"""The quarantine of a store: broken files are set aside, never deleted."""

import os
import shutil
import time
from pathlib import Path

from store.files.atomic import replacing
from store.hdf5.names import QUARANTINE


def set_aside(root: Path, path: Path, copy: bool = False) -> Path:
    """Move the file `path`, or with `copy` a copy of it, into the quarantine of the store; returns its place there."""
    place = root / QUARANTINE / path.relative_to(root)
    place.parent.mkdir(parents=True, exist_ok=True)
    while place.exists():
        place = place.with_name(f"{path.name}.{time.time_ns()}")
    if copy:
        with replacing(place) as aside:
            shutil.copyfile(path, aside)
    else:
        os.rename(path, place)
    return place
