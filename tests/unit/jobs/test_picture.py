"""Pictures as a reader sees them, and files that are none."""

import hashlib
import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from store.errors import InputError
from store.jobs import Picture
from store.jobs.picture import BYTES, READING
from tests.budget import chance, rounds
from tests.conftest import ROOT

RED = (255, 0, 0)


def picture(image: Image.Image, kind: str = "PNG", **options) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return Picture("x", buffer.getvalue())


def rotated(size: tuple[int, int]) -> Picture:
    """One whose EXIF data say that it lies on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return picture(Image.new("RGB", size, RED), "JPEG", exif=exif)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_its_pixels_and_its_file_s_digest(kind, tmp_path):
    there = picture(Image.new("RGB", (5, 4), RED), kind)
    (tmp_path / "x").write_bytes(there.content)
    assert Picture.read(tmp_path / "x") == there
    assert (there.opened().mode, there.opened().size) == ("RGB", (5, 4))
    assert np.abs(np.array(there.opened()).astype(int) - RED).max() < 3
    assert there.digest == hashlib.sha256(there.content).hexdigest()


def test_grey_of_16_bits_keeps_its_brightness():
    deep = Image.fromarray(np.full((2, 2), 0x8080, np.uint16))
    assert picture(deep).opened().getpixel((0, 0)) == (0x80, 0x80, 0x80)
    assert picture(deep, transparency=0x8080).opened().getpixel((0, 0)) == (255, 255, 255)


def test_a_picture_stands_upright():
    assert rotated((4, 8)).opened().size == (8, 4)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(mode):
    options = {"transparency": 0} if mode == "P" else {}
    assert picture(Image.new(mode, (2, 2)), **options).opened().getpixel((0, 0)) == (255, 255, 255)


def test_half_transparent_red_is_light_red():
    assert picture(Image.new("RGBA", (2, 2), (*RED, 51))).opened().getpixel((0, 0)) == (255, 204, 204)


def test_pictures_that_once_were_read_otherwise_have_another_identity():
    for one in (rotated((4, 8)), picture(Image.new("RGBA", (2, 2))), picture(Image.new("I;16", (2, 2)))):
        assert one.digest == hashlib.sha256(one.content + READING).hexdigest()
    as_documented = READING.decode().replace("\n", "\\n")
    assert f"`{as_documented}`" in (ROOT / "store" / "FORMAT.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO", "PPM", "EPS"])
def test_other_formats_are_refused(kind):
    with pytest.raises(InputError, match=r"cannot be read \(it is none of these\); give a PNG, JPEG or WebP file"):
        picture(Image.new("RGB", (16, 16)), kind).opened()


def huge_webp() -> bytes:
    bits = 16382 | 16382 << 14
    return struct.pack("<4sI8sIcI9x", b"RIFF", 26, b"WEBPVP8L", 14, b"/", bits)


def huge_png() -> bytes:
    content = bytearray(picture(Image.new("1", (8, 8))).content)
    content[16:24] = (8_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


@pytest.mark.parametrize("content", [huge_webp(), huge_png()], ids=["webp", "png"])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(content):
    with pytest.raises(InputError, match="50,000,000 at most"):
        Picture("x", content).opened()


def test_a_file_that_is_too_large_is_refused_unread(tmp_path):
    with (tmp_path / "x.png").open("wb") as file:
        file.truncate(BYTES + 1)
    with pytest.raises(InputError, match="33,554,432 at most"):
        Picture.read(tmp_path / "x.png")


def test_what_is_no_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "missing", ".", "nul\0"):
        with pytest.raises(InputError, match="cannot be read"):
            Picture.read(tmp_path / name)


@pytest.mark.filterwarnings("ignore:Truncated File Read|Corrupt EXIF data")  # Pillow says so of damaged EXIF data
def test_damage_is_named_whatever_it_is():
    random = chance("pictures")
    noise = Image.effect_noise((24, 24), 50)
    whole = [picture(noise.convert("RGB"), kind).content for kind in ("PNG", "JPEG", "WEBP")]
    whole += [rotated((8, 8)).content, picture(noise.convert("P"), transparency=0).content]
    for _ in range(rounds(500, 9000)):
        content = bytearray(random.choice(whole))
        for _ in range(random.randint(1, 6)):
            content[random.randrange(len(content))] = random.randrange(256)
        damaged = Picture("x", bytes(content[: random.randrange(len(content))] if random.random() < 0.2 else content))
        try:
            assert damaged.opened().mode == "RGB"
            assert len(damaged.digest) == 64
        except InputError as error:
            assert "image x" in str(error)
