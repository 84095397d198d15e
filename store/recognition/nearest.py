"""Pictures named by the nearest reference, as a whole or in two halves; a picture that is near to none is *neither*."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

GRID = 16  # pixels of a side at which pictures are compared
DISTANCE = 28.0  # root mean squared difference of colours (0 to 255), beyond which a picture is no reference
SMALL_WORDS = frozenset(("a", "an", "the", "and", "with", "of"))
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Thing:
    """What a picture shows: the words that are true of it, from left to right; none where it is near to nothing."""

    words: tuple[frozenset[str], ...]
    label: str
    distance: float

    def has(self, text: str) -> bool:
        """Whether all words of `text` but the small ones are true of something in the picture."""
        known = frozenset[str]().union(*self.words)
        return bool(self.words) and words_of(text) <= known


@dataclass(frozen=True)
class References:
    """N pictures with their words: `whole` at P places (N, P, GRID, GRID, 3), `half` a scene (N, GRID, GRID / 2, 3)."""

    whole: np.ndarray
    half: np.ndarray
    words: tuple[frozenset[str], ...]
    labels: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "References":
        """Return the references that `write` stored."""
        with np.load(path, allow_pickle=False) as file:
            named = json.loads(str(file["names"]))
            whole, half = (file[name].astype(np.float32) for name in ("whole", "half"))
        words = tuple(frozenset(each["words"]) for each in named)
        return cls(whole, half, words, tuple(each["label"] for each in named))

    def write(self, path: Path) -> None:
        """Store the references, colours rounded to whole numbers."""
        named = [{"words": sorted(words), "label": label} for words, label in zip(self.words, self.labels, strict=True)]
        whole, half = (np.round(each).astype(np.uint8) for each in (self.whole, self.half))
        np.savez_compressed(path, whole=whole, half=half, names=json.dumps(named))

    @property
    def vocabulary(self) -> frozenset[str]:
        """All words that are true of some reference."""
        return frozenset[str]().union(*self.words)

    def name(self, image: np.ndarray, most: float = DISTANCE) -> Thing:
        """Return what `image`, uint8 (H, W, 3), shows: one reference, or one in each half, whichever is nearer."""
        picture = shrunk(image)
        whole = np.square(self.whole - picture).mean((2, 3, 4)).min(1)  # (N,)
        halves = [np.square(self.half - each).mean((1, 2, 3)) for each in np.split(picture, 2, axis=1)]
        one, two = float(whole.min()), float(sum(each.min() for each in halves) / 2)
        places = [int(whole.argmin())] if one <= two else [int(each.argmin()) for each in halves]
        distance = float(np.sqrt(min(one, two)))
        if distance > most:
            return Thing((), "neither", distance)
        return Thing(
            tuple(self.words[place] for place in places), " and ".join(self.labels[place] for place in places), distance
        )

    def shows(self, image: Thing, prompt: str) -> bool | None:
        """Return whether a picture shows all that `prompt` names; None where a word of it is in no reference."""
        return image.has(prompt) if words_of(prompt) <= self.vocabulary else None


@cache
def known_for(model: str) -> References | None:
    """Return the references that ship for `model`; None where there are none."""
    path = FOLDER / f"{model}.npz"
    return References.read(path) if model.isidentifier() and path.exists() else None


def shrunk(image: np.ndarray) -> np.ndarray:
    """Return an image (..., H, W, 3) as float32 (..., GRID, GRID, 3), by averages over blocks."""
    for axis in (-3, -2):  # smaller ones have each pixel several times
        image = np.repeat(image, -(-GRID // image.shape[axis]), axis)
    *before, height, width, colours = image.shape
    rows, columns = (np.linspace(0, side, GRID + 1).astype(int) for side in (height, width))
    summed = np.add.reduceat(np.add.reduceat(image.astype(np.float64), rows[:-1], axis=-3), columns[:-1], axis=-2)
    sizes = np.outer(np.diff(rows), np.diff(columns))[..., None]
    return (summed / sizes).astype(np.float32).reshape(*before, GRID, GRID, colours)


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text that name something: all but the small ones, without punctuation."""
    return frozenset(_plain(text.casefold().split())) - SMALL_WORDS


def _plain(words: Iterable[str]) -> Iterable[str]:
    return (word.strip(".,;:!?'\"") for word in words)
