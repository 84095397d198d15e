"""An image that somebody brought: what a job is about instead of generated ones.

All pictures are read here: PNG, JPEG and WebP, within bounds that are checked before anything is decoded.
"""

import hashlib
import io
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from store.errors import InputError

SUFFIXES = "png", "jpg", "jpeg", "webp"
FORMATS = "PNG", "JPEG", "WEBP"
BYTES = 2**25  # of a file at most: 32 MiB
PIXELS = 50_000_000  # of a picture at most
ORIENTATION = 0x0112  # the EXIF tag; 1 is upright
DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I")  # grey of 16 bits
READING = b"\nupright, in 8 bits, on white"  # joined to the files that this changes


@dataclass(frozen=True)
class Picture:
    """An image file, as it is."""

    name: str
    content: bytes

    @classmethod
    def read(cls, path: Path) -> "Picture":
        """Return the image in the file `path`.

        Raises
        ------
        InputError: the file is missing, too large or no image.
        """
        try:
            if not path.is_file():
                raise _unreadable(str(path), "there is no such file")
            _check_size(path.name, path.stat().st_size)
            picture = cls(path.name, path.read_bytes())
        except (OSError, ValueError) as error:
            raise _unreadable(str(path), error) from error
        picture.opened()
        return picture

    @cached_property
    def digest(self) -> str:
        """What identifies the pixels: the SHA-256 of the file in hexadecimal.

        Of files that are rotated, transparent or of 16 bits it is the SHA-256 of the file and of how it is read.
        Raises InputError if it is no image.
        """
        with self._image() as image:
            plain = image.mode not in DEEP and not _transparent(image) and image.getexif().get(ORIENTATION, 1) == 1
        return hashlib.sha256(self.content if plain else self.content + READING).hexdigest()

    def opened(self) -> Image.Image:
        """Return its pixels in RGB, 8 bits each: upright as its EXIF data says, what is transparent on white.

        Raises
        ------
        InputError: it is no PNG, JPEG or WebP image, damaged, or larger than `BYTES` or `PIXELS`.
        """
        with self._image() as image:
            try:
                upright = ImageOps.exif_transpose(image)
                return _on_white(_eight_bits(upright))
            except Exception as error:  # damaged files make Pillow raise whatever its decoders happen to
                raise _unreadable(self.name, error) from error

    def _image(self) -> Image.Image:
        """The image, not decoded yet."""
        _check_size(self.name, len(self.content))
        _check_pixels(self.name, _webp_size(self.content))  # Pillow takes memory for a WebP as soon as it opens it
        try:
            image = Image.open(io.BytesIO(self.content), formats=FORMATS)
        except UnidentifiedImageError as error:
            raise _unreadable(self.name, "it is none of these") from error
        except Exception as error:  # as above
            raise _unreadable(self.name, error) from error
        _check_pixels(self.name, image.size)
        return image


def _check_size(name: str, size: int) -> None:
    if size > BYTES:
        raise InputError(f"image {name}", f"its file has {size:,} bytes", f"give one of {BYTES:,} at most")


def _check_pixels(name: str, size: tuple[int, int]) -> None:
    if size[0] * size[1] > PIXELS:
        raise InputError(f"image {name}", f"it has {size[0]:,} x {size[1]:,} pixels", f"give {PIXELS:,} at most")


def _webp_size(content: bytes) -> tuple[int, int]:
    """Width and height that the header of a WebP file tells; (0, 0) of other files."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:
        return 0, 0
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF


def _transparent(image: Image.Image) -> bool:
    return "A" in image.getbands() or "transparency" in image.info


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits in 8; other images as they are."""
    if image.mode not in DEEP:
        return image
    deep = np.asarray(image).astype(np.int64)
    grey = Image.fromarray((deep / 257).round().clip(0, 255).astype(np.uint8))
    if "transparency" not in image.info:
        return grey
    opaque = Image.fromarray(np.where(deep == image.info["transparency"], 0, 255).astype(np.uint8))
    return Image.merge("LA", (grey, opaque))


def _on_white(image: Image.Image) -> Image.Image:
    """The image in RGB, what is transparent in it on white."""
    if not _transparent(image):
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(ground, layer).convert("RGB")


def _unreadable(name: str, error: Exception | str) -> InputError:
    return InputError(f"image {name}", f"cannot be read ({error})", "give a PNG, JPEG or WebP file")
