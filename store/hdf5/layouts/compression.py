"""How condensed files keep maps and pictures: rounded, in few bytes.

A map becomes square roots in 63 steps, with the sign of the value: what is bright in a picture of the map is precise
to a share of the brightest, what is dark even more so.
"""

import io
import re

import numpy as np
from PIL import Image

from store.hdf5.bounds import DENSEST, SPARE, Refused

STEPS = 63
COARSEST = 1.001 * (1 / STEPS + 1 / (2 * STEPS) ** 2)  # share of an image's largest value by which others may be off
UNKNOWN = -128  # what is not finite
SHADES = 31  # steps of a colour channel
TALLEST = 16383  # pixels of a WebP picture
LOSSLESS = re.compile(rb"RIFF....WEBPVP8L....\x2f(....)", re.DOTALL)  # header of such a picture, then its size


def encode(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return codes, int8 of the shape of `maps` (P, ...), and the size of a step for each image, float32 (P,).

    A value is its code squared, with the sign of the code, times its image's step squared.
    """
    roots = np.sqrt(np.abs(maps.astype(np.float64)))
    finite = np.isfinite(roots)
    largest = np.where(finite, roots, 0).max(axis=tuple(range(1, maps.ndim)), initial=0)
    steps = np.where(largest > 0, _short(largest / STEPS), 1).astype(np.float32)
    with np.errstate(invalid="ignore"):
        codes = np.sign(maps) * np.round(roots / _along(steps, maps))
    return np.where(finite, codes, UNKNOWN).astype(np.int8), steps


def decode(codes: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the maps, float32, NaN where they were not finite."""
    sizes = codes.astype(np.float32) * _along(steps, codes)
    return np.where(codes == UNKNOWN, np.float32(np.nan), sizes * np.abs(sizes))


def rounding(maps: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return how far each value of decoded `maps` (P, ...) may be from the original."""
    size = _along(steps, maps).astype(np.float64)
    return size * np.sqrt(np.abs(maps)) + size**2 / 4


def few_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """Return `values` rounded to `bits` of mantissa, of the same type; rounding twice changes nothing."""
    mantissas, exponents = np.frexp(values)
    return np.ldexp(np.round(mantissas * 2**bits) / 2**bits, exponents).astype(values.dtype)


def few_shades(images: np.ndarray) -> np.ndarray:
    """Return images, uint8, with each channel rounded to 5 bits; rounding twice changes nothing."""
    return np.round(np.round(images * (SHADES / 255)) * (255 / SHADES)).astype(np.uint8)


def pack_pictures(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pack images, uint8 (S, H, W, 3), one below the other into WebP pictures without loss.

    Returns their bytes, uint8 (n,), and the number of bytes of each picture. A picture holds as many images as fit
    into its height.
    """
    each = max(1, TALLEST // images.shape[1])
    packed = [_as_webp(images[start : start + each]) for start in range(0, len(images), each)]
    return np.frombuffer(b"".join(packed), np.uint8), np.array([len(picture) for picture in packed])


def unpack_pictures(packed: np.ndarray, lengths: np.ndarray, count: int) -> np.ndarray:
    """Return the `count` images that `pack_pictures` packed, uint8 (S, H, W, 3).

    Raises
    ------
    Refused: these are no such pictures.
    """
    content, sizes = packed.tobytes(), [int(length) for length in lengths]
    if not 0 < len(sizes) <= count or min(sizes) < 1 or sum(sizes) != len(content):
        raise Refused(f"{len(sizes)} pictures of {sum(sizes)} bytes, where there are {len(content)} bytes")
    ends = np.cumsum(sizes).tolist()
    pictures = [content[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    shapes = [_size_of(picture) for picture in pictures]
    height, width = sum(tall for tall, _ in shapes), shapes[0][1]
    if {wide for _, wide in shapes} != {width} or height % count:
        raise Refused(f"pictures of {width} x {height} pixels are not those of {count} images")
    if height * width * 3 > SPARE + DENSEST * len(content):
        raise Refused(f"pictures of {width} x {height} pixels in {len(content)} bytes: a decompression bomb")
    return np.concatenate([_from_webp(picture) for picture in pictures]).reshape(count, -1, width, 3)


def _size_of(content: bytes) -> tuple[int, int]:
    """Height and width of a WebP picture without loss, from its header: nothing is decoded."""
    found = LOSSLESS.match(content)
    if not found:
        raise Refused("a picture is no WebP picture without loss")
    bits = int.from_bytes(found[1], "little")
    return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1


def _as_webp(images: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(images.reshape(-1, *images.shape[2:])).save(buffer, "WEBP", lossless=True, quality=100, method=6)
    return buffer.getvalue()


def _from_webp(content: bytes) -> np.ndarray:
    """The pixels of a picture, uint8 (rows, columns, 3)."""
    try:
        with Image.open(io.BytesIO(content), formats=["WEBP"]) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Refused(f"a picture is damaged or absurdly large ({error})") from error


def _short(sizes: np.ndarray) -> np.ndarray:
    """`sizes` with 12 bits of mantissa, rounded up; what is rounded, or off by less than a millionth, stays."""
    mantissas, exponents = np.frexp(sizes * (1 - 1e-6))
    return np.ldexp(np.ceil(mantissas * 4096) / 4096, exponents)


def _along(steps: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """One value an image, to be multiplied with `maps`."""
    return steps.reshape(-1, *[1] * (maps.ndim - 1))
