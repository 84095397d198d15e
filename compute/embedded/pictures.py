"""The pictures and captions of the embedded model, from `pictures.toml` and two emoji packages.

Nothing is downloaded when the model is used; the packages are fetched once, for training.
"""

import io
import itertools
import json
import subprocess
import tarfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 64  # pixels of a picture's side
EMOJI = 56  # pixels of an emoji within a picture
HALF = 30  # pixels of an emoji in a two-object scene
SHIFTS = ((0, 0), (-1, -1), (1, 1))  # pixels, of a picture as a whole
DEFINITIONS = Path(__file__).with_name("pictures.toml")


def definitions() -> dict:
    """The contents of `pictures.toml`."""
    return tomllib.loads(DEFINITIONS.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class TrainingPicture:
    """One emoji and what may be said of it. `group` is role, people, animals, food, objects or shapes."""

    group: str
    name: str
    emoji: Image.Image = field(repr=False, compare=False)
    phrases: tuple[str, ...] = ()
    gender: str | None = None
    tone: str | None = None
    colour: str | None = None

    @property
    def full_name(self) -> str:
        """What a caption of several objects calls it."""
        return f"{self.colour} {self.phrases[0]}" if self.colour else self.phrases[0]

    def draw(self, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
        """The picture on white, uint8 (SIZE, SIZE, 3), moved by `shift` pixels."""
        return _on_white([(self.emoji, EMOJI, SIZE // 2, SIZE // 2)], shift)


def draw_all(shown: Sequence[TrainingPicture]) -> np.ndarray:
    """All of `shown` at every place, one picture's after the other's, uint8 (N, SIZE, SIZE, 3)."""
    return np.stack([picture.draw(shift) for picture in shown for shift in SHIFTS])


def draw_at(picture: TrainingPicture, side: int, middle: int) -> np.ndarray:
    """The picture alone on white, so many pixels wide, its middle at that column: as one half of a scene."""
    return _on_white([(picture.emoji, side, middle, SIZE // 2)], (0, 0))


def draw_scene(left: TrainingPicture, right: TrainingPicture) -> np.ndarray:
    """Two pictures side by side on white, uint8 (SIZE, SIZE, 3)."""
    quarter = SIZE // 4
    places = [(left.emoji, HALF, quarter, SIZE // 2), (right.emoji, HALF, SIZE - quarter, SIZE // 2)]
    return _on_white(places, (0, 0))


def _on_white(places: list[tuple[Image.Image, int, int, int]], shift: tuple[int, int]) -> np.ndarray:
    canvas = Image.new("RGBA", (SIZE, SIZE), "white")
    for emoji, side, x, y in places:
        resized = emoji.resize((side, side), Image.Resampling.LANCZOS)
        canvas.alpha_composite(resized, (x - side // 2 + shift[0], y - side // 2 + shift[1]))
    return np.asarray(canvas.convert("RGB"))


def download(folder: Path) -> None:
    """Fetch the emoji packages that `pictures.toml` names into `folder`, with the npm client.

    Raises
    ------
    RuntimeError: npm is missing or the registry cannot be reached.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for source in definitions()["sources"].values():
        archive = folder / f"{source['package']}-{source['version']}.tgz"
        if archive.exists():
            continue
        try:
            wanted = f"{source['package']}@{source['version']}"
            subprocess.run(["npm", "pack", wanted], cwd=folder, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            reason = getattr(error, "stderr", "") or error
            raise RuntimeError(f"could not fetch {wanted}: {reason}; install npm and check the network") from error


def load(folder: Path) -> list[TrainingPicture]:
    """All single pictures of `pictures.toml`, from the packages in `folder` (see `download`)."""
    return list(_pictures(definitions(), _opened(folder)))


def pack(folder: Path, into: Path) -> None:
    """Copy of the packages in `folder` with nothing but what `load` reads: 1 MB in place of 130."""
    into.mkdir(parents=True, exist_ok=True)
    emoji = _opened(folder)
    list(_pictures(definitions(), emoji))
    for package in emoji.values():
        with tarfile.open(into / package.file.name, "w:gz") as archive:
            for name, content in package.read.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


def _opened(folder: Path) -> dict[str, "_Emoji"]:
    return {key: _Emoji(folder, source) for key, source in definitions()["sources"].items()}


class _Emoji:
    """The pictures of one emoji package, by short name and skin tone; `read` holds what was taken from its `file`."""

    def __init__(self, folder: Path, source: dict):
        self.file = folder / f"{source['package']}-{source['version']}.tgz"
        self.read: dict[str, bytes] = {}
        self._archive = tarfile.open(self.file)  # noqa: SIM115
        self._members = {member.name: member for member in self._archive}
        listed = json.loads(self._read("package/emoji.json"))
        self._by_name = {name: entry for entry in listed for name in entry["short_names"]}
        self._place = f"package/img/{source['package'].removeprefix('emoji-datasource-')}/64"

    def get(self, name: str, tone: str | None = None) -> Image.Image:
        entry = self._by_name[name]
        chosen = entry["skin_variations"][tone] if tone else entry
        return Image.open(io.BytesIO(self._read(f"{self._place}/{chosen['image']}"))).convert("RGBA")

    def _read(self, name: str) -> bytes:
        if name not in self.read:
            file = self._archive.extractfile(self._members[name])
            if file is None:
                raise KeyError(name)
            self.read[name] = file.read()
        return self.read[name]


def _pictures(given: dict, emoji: dict[str, _Emoji]) -> Iterator[TrainingPicture]:
    for role, entry in given["roles"].items():
        names = (role, *([entry["synonym"]] if "synonym" in entry else []))
        for (gender, words), (tone, code) in itertools.product(
            given["words"]["gender"].items(), given["words"]["tone"].items()
        ):
            drawing = emoji[entry["source"]].get(entry["emoji"].format(words[0]), code)
            yield TrainingPicture(group="role", name=role, emoji=drawing, phrases=names, gender=gender, tone=tone)
    for group in ("people", "animals", "food", "objects"):
        for name, phrases in given[group].items():
            yield TrainingPicture(group, name, emoji["twitter"].get(name), tuple(phrases))
    for shape, colours in given["shapes"].items():
        for colour, name in colours.items():
            yield TrainingPicture("shapes", shape, emoji["twitter"].get(name), (shape,), colour=colour)
