"""The exceptions that people meet. Each names the thing, the cause and the mend in one line."""

from pathlib import Path


class DiffusionPIDError(Exception):
    """An error that a person can mend. Its text is one line: the thing, the cause, the mend."""

    def __init__(self, thing: str, cause: str, mend: str):
        super().__init__(f"{thing}: {cause}; {mend}")
        self.thing, self.cause, self.mend = thing, cause, mend

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
