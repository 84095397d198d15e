"""What a recogniser saw in the images of a model, kept in the store with the recogniser's identity."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from store.errors import StoreError
from store.files.atomic import replacing
from store.files.locks import locked
from store.hdf5.names import slug
from store.recognition.nearest import Thing, words_of

FOLDER = "recognised"
NEITHER = "neither"
VERSION = 1
LARGEST = 1 << 28  # bytes of a file
BELOW = 4  # a result file lies so many folders below the store


@dataclass(frozen=True)
class SeenImage:
    """What an image shows: one of the texts that were offered, or NEITHER; its score; whether it is what was asked."""

    label: str
    score: float
    asked: bool

    @property
    def thing(self) -> Thing:
        """The same, as pictures that are compared with references have it."""
        words = () if self.label == NEITHER else (words_of(self.label),)
        return Thing(words, self.label, 1 - self.score)


@dataclass(frozen=True)
class Sightings:
    """What `recogniser`, at `revision`, saw: of each result file, by its path below the store, each seed's image."""

    recogniser: str
    revision: str
    software: str
    files: Mapping[str, Mapping[int, SeenImage]] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """The recogniser as people read it."""
        return f"{self.recogniser} {self.revision}".strip()

    def of(self, path: Path) -> Mapping[int, SeenImage]:
        """Return what is known of the images of the result file `path`, by seed."""
        return self.files.get(_name(path), {})


def place(root: Path, model: str) -> Path:
    """Return the file of what was seen in images of `model`."""
    return root / FOLDER / f"{slug(model)}.json"


def root_of(path: Path) -> Path:
    """Return the store that the result file `path` lies in."""
    return path.parents[BELOW - 1]


def read(root: Path, model: str) -> Sightings | None:
    """Return what was seen in images of `model`, None where nobody looked.

    Raises
    ------
    StoreError: the file cannot be read, or is not what `add` writes.
    """
    path = place(root, model)
    try:
        if not path.exists():
            return None
        if path.stat().st_size > LARGEST:
            raise ValueError("it is too large")
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["version"] != VERSION:
            raise ValueError(f"it has version {found['version']!r}, not {VERSION}")
        files = {
            str(name): {int(seed): SeenImage(str(a), float(b), c is True) for seed, (a, b, c) in seen.items()}
            for name, seen in found["images"].items()
        }
        about = {name: str(found[name]) for name in ("recogniser", "revision", "software")}
        return Sightings(**about, files=files)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        mend = "delete it, and run python -m compute recognise again"
        raise StoreError(path, f"it cannot be read ({type(error).__name__}: {error})", mend) from error


def add(root: Path, model: str, seen: Sightings) -> Path:
    """Add what was `seen` in images of `model`; what another recogniser saw there is replaced. Gives the file.

    Raises
    ------
    StoreError: the file of before cannot be read, or the new one not be written.
    """
    path = place(root, model)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_suffix(".lock")):
            before = read(root, model)
            kept = before.files if before and before.identity == seen.identity else {}
            files = {
                name: {str(seed): [each.label, round(each.score, 4), each.asked] for seed, each in images.items()}
                for name, images in sorted({**kept, **seen.files}.items())
            }
            about = {"recogniser": seen.recogniser, "revision": seen.revision, "software": seen.software}
            with replacing(path) as aside:
                aside.write_text(json.dumps({"version": VERSION, **about, "images": files}), encoding="utf-8")
    except OSError as error:
        raise StoreError(path, f"it cannot be written ({error.strerror or error})", "make room there") from error
    return path


def named(seen: Mapping[Path, Mapping[int, SeenImage]]) -> dict[str, Mapping[int, SeenImage]]:
    """Return what was seen in result files by their names in `Sightings`."""
    return {_name(path): images for path, images in seen.items()}


def _name(path: Path) -> str:
    return path.relative_to(root_of(path)).as_posix()
