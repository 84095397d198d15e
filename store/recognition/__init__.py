"""What a picture shows: compared with reference pictures of what a model was taught, with a threshold for *neither*."""

from store.recognition.nearest import DISTANCE, References, Thing, known_for

__all__ = ["DISTANCE", "References", "Thing", "known_for"]
