"""What a picture shows: by reference pictures of what a model was taught, or as a recogniser saw it, or *neither*."""

from store.recognition.nearest import DISTANCE, References, Thing, known_for, words_of
from store.recognition.stored import NEITHER, SeenImage, Sightings, root_of

__all__ = [
    "DISTANCE",
    "NEITHER",
    "References",
    "SeenImage",
    "Sightings",
    "Thing",
    "known_for",
    "root_of",
    "words_of",
]
