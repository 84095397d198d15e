"""The exceptions that people meet. Each names the thing, the cause and the mend in one line."""

import re
from pathlib import Path

NO_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # of a text
# Control characters, line ends, halves of characters, and what changes the direction of writing.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: object) -> str:
    """Return `text` in one line; what no terminal or page can show is written as an escape."""
    return UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], str(text))


class DiffusionPIDError(Exception):
    """An error that a person can mend. Its text is one line: the thing, the cause, the mend."""

    def __init__(self, thing: str, cause: str, mend: str):
        self.thing, self.cause, self.mend = map(printable, (thing, cause, mend))
        super().__init__(f"{self.thing}: {self.cause}; {self.mend}")

    def __reduce__(self) -> tuple:
        return type(self), (self.thing, self.cause, self.mend)


class InputError(DiffusionPIDError):
    """A prompt, word, model, image or setting that cannot be used."""


class StoreError(DiffusionPIDError):
    """A file or folder of the store that cannot be read or written. `path` says which."""

    def __init__(self, path: Path, cause: str, mend: str):
        super().__init__(str(path), cause, mend)
        self.path = path

    def __reduce__(self) -> tuple:
        return type(self), (self.path, self.cause, self.mend)


class BrokenFileError(StoreError):
    """A file that is truncated, damaged or not of this format."""


class NewerFormatError(StoreError):
    """A file written in a later version of the format than this software knows."""
