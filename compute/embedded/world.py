"""The finite world that the embedded model is taught: which pictures there are, and which a caption means how often.

As the world is finite, the best prediction that any denoiser could make in it is known, E[x | z, caption], and is what
the model is trained towards, instead of towards the one picture that a noisy latent came from.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import permutations

import numpy as np
import torch
from torch import Tensor

from compute.embedded import captions
from compute.embedded.pictures import TrainingPicture, definitions

Caption = tuple[str, ...]  # one text, or two that are said one after the other and mean either
FREQUENCY = {"role": 0.45, "shapes": 0.1, "single": 0.3, "scene": 0.15}  # of pictures in the world
SHOWN = {"role": 0.24, "shapes": 0.06, "single": 0.32, "scene": 0.38}  # and in training
ASTRAY = 0.01  # of captions are said of any picture at all, so that no picture is impossible
EMPTY, OTHER, EITHER = 0.3, 0.25, 0.1  # chances of the last caption of an example; else it is one more of its own


class World:
    """Pictures as latents, with their captions; draws what the model is shown and knows the best prediction of it.

    `singles` (N, P, c, h, w) are the latents of `pictures` at every place, `scenes` (M, c, h, w) those of the ordered
    pairs `parts` of picture indices. T things are the singles that are not held out, then the scenes.
    """

    def __init__(
        self, pictures: Sequence[TrainingPicture], singles: Tensor, parts: Sequence[tuple[int, int]], scenes: Tensor
    ):
        held_out = definitions()["held_out"]["shapes"]
        kept = [index for index, picture in enumerate(pictures) if picture.full_name not in held_out]
        shown = [pictures[index] for index in kept]
        uses = [dict(captions.of_picture(picture)) for picture in shown]
        uses += [dict(captions.of_scene(pictures[left], pictures[right])) for left, right in parts]
        groups = [picture.group if picture.group in FREQUENCY else "single" for picture in shown]
        groups += ["scene"] * len(parts)
        self.prior = _frequencies(shown, groups)
        self.shown = self.prior * np.array([SHOWN[group] / FREQUENCY[group] for group in groups])
        self.shown /= self.shown.sum()
        self.texts = [list(said) for said in uses]
        self.chances = [np.array(list(said.values())) / sum(said.values()) for said in uses]
        self.names = [_names(picture) for picture in shown] + [[] for _ in parts]
        self.meanings: dict[str, dict[int, float]] = {}
        for thing, said in enumerate(uses):
            for text, often in said.items():
                self.meanings.setdefault(text, {})[thing] = often
        self.latents = torch.cat([singles[kept].flatten(0, 1), scenes])  # (A, c, h, w)
        places = singles.shape[1]
        self.thing = torch.tensor([*np.repeat(np.arange(len(kept)), places), *range(len(kept), len(uses))])  # (A,)
        self.log_places = torch.tensor([places] * len(kept) + [1] * len(parts)).log()  # (T,)
        self.atoms = self.latents.flatten(1)
        self.square = self.atoms.square().sum(1)

    def draw(self, random: np.random.Generator, count: int, captions_each: int) -> tuple[Tensor, list[Caption]]:
        """Latents (count, c, h, w) and captions of each, one image's after the other's.

        The first ones are said of the picture, the very first in full; the last may be the empty text, a caption of
        another picture, or two names at once.
        """
        chosen = random.choice(len(self.shown), size=count, p=self.shown)
        said: list[Caption] = []
        for thing in chosen:
            own = [(self.texts[thing][0],), *((self._caption(random, thing),) for _ in range(captions_each - 2))]
            said += [*own, self._last(random, thing)]
        atoms = [random.choice(np.flatnonzero(self.thing.numpy() == thing)) for thing in chosen]
        return self.latents[atoms], said

    def expected(self, z: Tensor, alpha: Tensor, said: Sequence[Caption]) -> Tensor:
        """E[x | z, caption] (B, c, h, w) of `z` = sqrt(alpha) x + sqrt(1 - alpha) noise, each under its caption."""
        signal, noise = alpha.view(-1, 1).sqrt(), 1 - alpha.view(-1, 1)
        fit = (signal * (z.flatten(1) @ self.atoms.T) - 0.5 * alpha.view(-1, 1) * self.square) / noise  # (B, A)
        meant = torch.stack([self.meaning(caption) for caption in said]) - self.log_places  # (B, T)
        return ((fit + meant[:, self.thing]).softmax(1) @ self.atoms).view_as(z)

    @lru_cache(maxsize=20_000)  # noqa: B019 - a world lives as long as its training
    def meaning(self, caption: Caption) -> Tensor:
        """Log probability (T,) of each thing, given the caption.

        Raises
        ------
        KeyError: the caption is said of nothing in this world.
        """
        meant = np.zeros(len(self.prior))
        for text in caption:
            things = self.meanings[text]
            weights = np.array(list(things.values())) * self.prior[list(things)]
            meant[list(things)] += weights / weights.sum() / len(caption)
        return torch.from_numpy(np.log((1 - ASTRAY) * meant + ASTRAY * self.prior)).float()

    def _caption(self, random: np.random.Generator, thing: int) -> str:
        return self.texts[thing][random.choice(len(self.chances[thing]), p=self.chances[thing])]

    def _last(self, random: np.random.Generator, thing: int) -> Caption:
        lot = random.random()
        other = int(random.choice(len(self.shown), p=self.shown))
        if lot < EMPTY:
            return ("",)
        if lot < EMPTY + OTHER:
            return (self._caption(random, other),)
        names = [random.choice(self.names[one]) for one in (thing, other) if self.names[one]]
        if lot < EMPTY + OTHER + EITHER and len(names) == 2 and " ".join(names) not in self.meanings:
            return tuple(random.permutation(names))
        return (self._caption(random, thing),)


def _names(picture: TrainingPicture) -> list[str]:
    """What may be one of two names that are said at once."""
    if picture.group != "role":
        return [picture.full_name, *picture.phrases]
    return [*picture.phrases, *definitions()["words"]["gender"][picture.gender], f"{picture.tone} skin"]


def scenes(pictures: Sequence[TrainingPicture]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The ordered pairs of indices of `pictures` that scenes are made of: those shown, and those held out."""
    given = definitions()
    names, apart = set(given["scenes"]["of"]), set(given["held_out"]["shapes"])
    parts = [index for index, picture in enumerate(pictures) if picture.name in names or picture.group == "shapes"]
    pairs = [pair for pair in permutations(parts, 2) if not _beside_itself(*(pictures[index] for index in pair))]
    strange = [pair for pair in pairs if apart & {pictures[index].full_name for index in pair}]
    others = sorted(set(pairs) - set(strange))
    lot = np.random.default_rng(given["held_out"]["lot"]).permutation(len(others))
    count = round(given["held_out"]["scenes"] * len(others))
    held_out = sorted(others[index] for index in lot[:count])
    return sorted(others[index] for index in lot[count:]), held_out + strange


def _beside_itself(left: TrainingPicture, right: TrainingPicture) -> bool:
    """Two colours of one shape: the captions of such scenes would say little more than those of one."""
    return left.group == right.group == "shapes" and left.name == right.name


def _frequencies(shown: Sequence[TrainingPicture], groups: Sequence[str]) -> np.ndarray:
    """How often each thing occurs in the world (T,): roles as the planted table says, all others evenly."""
    planted = np.ones(len(groups))
    for index, picture in enumerate(shown):
        if picture.group == "role":
            planted[index] = chance_of(picture)
    total = {group: planted[[each == group for each in groups]].sum() for group in FREQUENCY}
    found = planted * [FREQUENCY[group] / max(total[group], 1e-9) for group in groups]
    return found / found.sum()


def chance_of(person: TrainingPicture) -> float:
    """How often a picture of its role has this gender and tone, by the planted table."""
    given = definitions()
    entry = given["roles"][person.name]
    tones = dict(zip(given["words"]["tone"], entry["tones"], strict=True))
    return (entry["women"] if person.gender == "woman" else 1 - entry["women"]) * tones[person.tone]
