"""An image that somebody brought: what a job is about instead of generated ones."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from store.errors import InputError

SUFFIXES = "png", "jpg", "jpeg", "webp"


@dataclass(frozen=True)
class Picture:
    """An image file, as it is."""

    name: str
    content: bytes

    @classmethod
    def read(cls, path: Path) -> "Picture":
        """The image in the file `path`.

        Raises
        ------
        InputError: the file is missing or no image.
        """
        try:
            picture = cls(path.name, path.read_bytes())
        except OSError as error:
            raise _unreadable(str(path), error) from error
        picture.opened()
        return picture

    @property
    def digest(self) -> str:
        """The file's SHA-256, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def opened(self) -> Image.Image:
        """Its pixels, in RGB; raises InputError if it is no image."""
        try:
            with Image.open(io.BytesIO(self.content)) as opened:
                return opened.convert("RGB")
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise _unreadable(self.name, error) from error


def _unreadable(name: str, error: Exception) -> InputError:
    return InputError(f"image {name}", f"cannot be read ({error})", "give a PNG, JPEG or WebP file")
