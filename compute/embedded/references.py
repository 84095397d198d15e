"""The pictures that the embedded model was taught, small and with their words, to say what its images show."""

from collections.abc import Sequence

import numpy as np

from compute.embedded.pictures import HALF, SHIFTS, SIZE, TrainingPicture, definitions, draw_at
from store.recognition.nearest import GRID, References, shrunk

FILE = "references.npz"


def references(shown: Sequence[TrainingPicture]) -> References:
    """Return the pictures as `store.recognition` compares them: whole, and as the left half of a scene."""
    whole = np.stack([[picture.draw(shift) for shift in SHIFTS] for picture in shown])
    scenes = np.stack([draw_at(picture, HALF, SIZE // 4) for picture in shown])
    return References(
        whole=shrunk(whole),
        half=shrunk(scenes)[:, :, : GRID // 2],
        words=tuple(frozenset(_words(picture)) for picture in shown),
        labels=tuple(_label(picture) for picture in shown),
    )


def _words(picture: TrainingPicture) -> set[str]:
    given = definitions()
    found = {word for text in (*picture.phrases, picture.full_name) for word in text.split()}
    if picture.gender:
        found |= {*given["words"]["gender"][picture.gender], str(picture.tone), "skin"}
    if picture.group == "role":
        found |= set(given["roles"][picture.name].get("synonym", "").split())
    return found


def _label(picture: TrainingPicture) -> str:
    if not picture.gender:
        return picture.full_name
    gender = definitions()["words"]["gender"][picture.gender][0]
    return f"{gender} {picture.full_name}, {picture.tone} skin"
