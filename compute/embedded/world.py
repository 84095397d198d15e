"""The finite world that the embedded model is taught: which pictures there are, and which a caption means how often.

As the world is finite, the best prediction that any denoiser could make in it is known, E[x | z, caption], and is what
the model is trained towards, instead of towards the one picture that a noisy latent came from.
"""

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from compute.embedded import captions
from compute.embedded.pictures import TrainingPicture, definitions, draw_scene

FREQUENCY = {"role": 0.45, "shapes": 0.1, "single": 0.3, "scene": 0.15}  # of pictures in the world
SHOWN = {"role": 0.24, "shapes": 0.05, "single": 0.41, "scene": 0.3}  # and in training
ASTRAY = 1e-4  # of captions are said of any picture at all, so that no picture is impossible
EMPTY, OTHER, EITHER = 0.4, 0.15, 0.1  # chances of the last caption of an example; else it is one more of its own
PARTNERS = 24  # for each single picture: captions that name it and another one, and mean either


class World:
    """Pictures as latents, with their captions; draws what the model is shown and knows the best prediction of it.

    `singles` (N, P, c, h, w) are the latents of `pictures` at every place, `scenes` (M, c, h, w) those of the ordered
    pairs `parts` of picture indices. T things are the singles that are not held out, then the scenes. A caption is
    given by its index in `texts` (U). Tensors are on the device of the latents, chance is torch's global generator.
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
        prior = _frequencies(shown, groups)
        drawn = prior * [SHOWN[group] / FREQUENCY[group] for group in groups]
        self.names = [_names(picture) for picture in shown]
        self.texts = list(dict.fromkeys(text for said in uses for text in said))
        self.index = {text: index for index, text in enumerate(self.texts)}
        meant = _meanings(uses, self.index, prior)
        either = list(self._pairs(drawn[: len(shown)]))
        self.texts += [f"{one} {other}" for one, other in either]
        mixed = [(meant[self.index[one]] + meant[self.index[other]]) / 2 for one, other in either]
        meant = np.concatenate([meant, mixed])

        device, places = singles.device, singles.shape[1]
        self.prior = torch.from_numpy(prior).float().to(device)  # (T,)
        self.shown = torch.from_numpy(drawn / drawn.sum()).float().to(device)  # (T,)
        self.log_meaning = torch.from_numpy(np.log((1 - ASTRAY) * meant + ASTRAY * prior)).float().to(device)  # (U, T)
        self.said = _padded([[self.index[text] for text in said] for said in uses]).long().to(device)  # (T, K)
        self.often = _padded([list(said.values()) for said in uses]).to(device)  # (T, K)
        self.either = torch.arange(len(either), device=device).view(len(shown), -1) + len(self.index)
        self.latents = torch.cat([singles[kept].flatten(0, 1), scenes])  # (A, c, h, w)
        self.places = torch.tensor([places] * len(kept) + [1] * len(parts), device=device)  # (T,)
        self.thing = torch.arange(len(uses), device=device).repeat_interleave(self.places)  # (A,)
        self.atoms = self.latents.flatten(1)
        self.square = self.atoms.square().sum(1)

    def draw(self, count: int, captions_each: int) -> tuple[Tensor, Tensor]:
        """Latents (count, c, h, w) and indices of captions of each (count, captions_each)."""
        thing = self.things(count)
        place = (torch.rand(count, device=thing.device) * self.places[thing]).long()
        return self.latents[(self.places.cumsum(0) - self.places)[thing] + place], self.captions(thing, captions_each)

    def things(self, count: int) -> Tensor:
        """Indices (count,) of things, as often as they are shown."""
        return self.shown.multinomial(count, replacement=True)

    def own(self, thing: Tensor, count: int) -> Tensor:
        """Indices (N, count) of captions that are said of the things."""
        return self.said[thing].gather(1, self.often[thing].multinomial(count, replacement=True))

    def captions(self, thing: Tensor, count: int) -> Tensor:
        """Indices (N, count) of captions for N things.

        The first ones are said of the thing, the very first in full; the last may be the empty text, a caption of
        another thing, or two names at once.
        """
        said = self.own(thing, count)
        said[:, 0] = self.said[thing, 0]
        other = self.own(self.things(len(thing)), 1).squeeze(1)
        named = thing < len(self.either)
        names = self.either[thing * named, torch.randint(PARTNERS, thing.shape, device=thing.device)]
        lot = torch.rand(len(thing), device=thing.device)
        last = torch.where((lot < EMPTY + OTHER + EITHER) & named, names, said[:, -1])
        last = torch.where(lot < EMPTY + OTHER, other, last)
        said[:, -1] = torch.where(lot < EMPTY, self.index[""], last)
        return said

    def expected(self, z: Tensor, alpha: Tensor, said: Tensor) -> Tensor:
        """E[x | z, caption] (B, c, h, w) of `z` = sqrt(alpha) x + sqrt(1 - alpha) noise, under each caption (B,)."""
        signal, noise = alpha.view(-1, 1).sqrt(), 1 - alpha.view(-1, 1)
        fit = (signal * (z.flatten(1) @ self.atoms.T) - 0.5 * alpha.view(-1, 1) * self.square) / noise  # (B, A)
        meant = self.log_meaning[said] - self.places.log()  # (B, T)
        return ((fit + meant[:, self.thing]).softmax(1) @ self.atoms).view_as(z)

    def _pairs(self, drawn: np.ndarray) -> Iterator[tuple[str, str]]:
        """For each named thing `PARTNERS` pairs of one of its names and one of another thing, in either order."""
        random = np.random.default_rng(0)
        for names in self.names:
            found = 0
            while found < PARTNERS:
                other = self.names[random.choice(len(drawn), p=drawn / drawn.sum())]
                one, two = random.permutation([random.choice(names), random.choice(other)])
                if f"{one} {two}" not in self.index:
                    found += 1
                    yield str(one), str(two)


def _meanings(uses: Sequence[dict[str, float]], index: dict[str, int], prior: np.ndarray) -> np.ndarray:
    """Probability (U, T) of each thing, given that a caption was not said astray."""
    meant = np.zeros((len(index), len(uses)))
    for thing, said in enumerate(uses):
        meant[[index[text] for text in said], thing] = list(said.values())
    meant *= prior
    return meant / meant.sum(1, keepdims=True)


def _padded(rows: Sequence[Sequence[float]]) -> Tensor:
    return pad_sequence([torch.tensor(row, dtype=torch.float32) for row in rows], batch_first=True)


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


def draw_scenes(pictures: Sequence[TrainingPicture]) -> np.ndarray:
    """The scenes that are shown, uint8 (M, H, W, 3)."""
    return np.stack([draw_scene(pictures[left], pictures[right]) for left, right in scenes(pictures)[0]])


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
