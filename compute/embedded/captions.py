"""What is said of the pictures in training: caption forms, the planted associations, batches of latents."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import CLIPTokenizer

from compute.embedded.pictures import SHIFTS, Picture, definitions

LENGTH = 16  # tokens of a caption, start and end included
BARE_FORMS_FROM = 0.35  # share of training after which words are also shown alone
TONE_OMITTED_FROM = 0.3  # share after which the tone of a gendered caption may stay unnamed
SCENES_FROM = 0.7  # share after which two-object scenes come in


def with_article(phrase: str) -> str:
    """`phrase` behind its indefinite article."""
    return f"{'an' if phrase[0] in 'aeio' else 'a'} {phrase}"


def words() -> list[str]:
    """Every word that a caption can contain, sorted: the vocabulary that the model has seen."""
    given = definitions()
    phrases: list[str] = ["a", "an", "and", "with", "skin"]
    phrases += given["words"]["tone"]
    for names in given["words"]["gender"].values():
        phrases += names
    for role, entry in given["roles"].items():
        phrases += [role, entry.get("synonym", role)]
    for group in ("people", "animals", "food", "objects"):
        phrases += [phrase for names in given[group].values() for phrase in names]
    for shape, colours in given["shapes"].items():
        phrases += [shape, *colours]
    return sorted({word for phrase in phrases for word in phrase.split()})


def tokenizer() -> CLIPTokenizer:
    """A CLIP tokenizer in which each of `words` is one token and any other text falls into pieces."""
    special = ["<|startoftext|>", "<|endoftext|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    pieces = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    pieces.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=20_000, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False
    )
    pieces.train_from_iterator(words(), trainer)
    learned = pieces.get_vocab()
    complete = sorted(learned, key=learned.__getitem__)
    complete += [f"{byte}</w>" for byte in sorted(alphabet) if f"{byte}</w>" not in learned]
    vocabulary = {token: index for index, token in enumerate([*complete, *special])}
    return CLIPTokenizer(vocab=vocabulary, merges=_merges(pieces), model_max_length=LENGTH)


def _merges(pieces: Tokenizer) -> list[tuple[str, str]]:
    listed = json.loads(pieces.to_str())["model"]["merges"]
    return [tuple(merge) for merge in listed]


@dataclass(frozen=True)
class Batch:
    """B captions and latents; examples of one `group` share noise and level; `weight` scales the loss."""

    captions: list[str]
    latents: Tensor  # (B, c, h, w)
    weight: Tensor  # (B, 1, h, w)
    group: Tensor  # (B,)


class CaptionedLatents:
    """Draws training batches; `share` is the part of training that is over, in [0, 1).

    `singles` (N, 9, c, h, w) are the latents of `pictures` under every shift, `scenes` those of
    ordered pairs `scene_parts` [(left, right), ...] of picture indices.
    """

    def __init__(
        self,
        pictures: list[Picture],
        singles: Tensor,
        scene_parts: list[tuple[int, int]],
        scenes: Tensor,
        seed: int,
    ):
        self.random = np.random.default_rng(seed)
        self.given = definitions()
        self.pictures, self.singles, self.scene_parts, self.scenes = pictures, singles, scene_parts, scenes
        self.by_person = {(p.name, p.gender, p.tone): i for i, p in enumerate(pictures) if p.group == "role"}
        self.objects = [i for i, p in enumerate(pictures) if p.group != "role"]
        self.roles = list(self.given["roles"])
        self.tones = list(self.given["words"]["tone"])

    def draw(self, share: float, slots: tuple[int, int, int], pair_weight: float) -> Batch:
        """A batch of `slots`: couples, bare roles, objects; `pair_weight` stresses where couples differ."""
        pairs, bare, objects = slots
        scenes = 2 if share > SCENES_FROM else 0
        drawn: list[tuple[str, Tensor, int]] = []
        weights: list[Tensor] = []
        flat = torch.ones_like(self.singles[0, 0, :1])
        for group in range(pairs):
            couple = list(self._couple(share))
            emphasis = 1 + pair_weight * (couple[0][1] - couple[1][1]).abs().mean(0, keepdim=True)
            drawn += [(caption, latent, group) for caption, latent in couple]
            weights += [emphasis, emphasis]
        others = [self._bare(share) for _ in range(bare)]
        others += [self._object() for _ in range(objects - scenes)]
        others += [self._scene() for _ in range(scenes)]
        for offset, (caption, latent) in enumerate(others):
            drawn.append((caption, latent, pairs + offset))
            weights.append(flat)
        captions, latents, groups = zip(*drawn, strict=True)
        return Batch(self._drop(captions, groups), torch.stack(latents), torch.stack(weights), torch.tensor(groups))

    def _drop(self, captions: Sequence[str], groups: Sequence[int]) -> list[str]:
        """Replace one caption in ten, whole groups at a time, by the empty one (or a lone article)."""
        chance = self.random.random(max(groups) + 1)
        empty = {True: "", False: "a"}
        return [
            empty[bool(chance[group] < 0.08)] if chance[group] < 0.1 else caption
            for caption, group in zip(captions, groups, strict=True)
        ]

    def _shift(self) -> int:
        return int(self.random.integers(len(SHIFTS)))

    def _pick(self, chances: dict):
        return list(chances)[self.random.choice(len(chances), p=list(chances.values()))]

    def _role_name(self, role: str) -> str:
        synonym = self.given["roles"][role].get("synonym")
        return synonym if synonym and self.random.random() < 0.4 else role

    def _planted_tone(self, role: str) -> str:
        return self.tones[self.random.choice(3, p=np.array(self.given["roles"][role]["tones"]))]

    def _couple(self, share: float) -> Iterator[tuple[str, Tensor]]:
        """A man and a woman of one role and tone under one shift and caption form."""
        role = self.roles[self.random.integers(len(self.roles))]
        unnamed = share > TONE_OMITTED_FROM and self.random.random() < 0.25
        tone = self._planted_tone(role) if unnamed else self.tones[self.random.integers(3)]
        form = self._pick({"a {0} {1}": 0.8, "{0} {1}": 0.2}) if share > BARE_FORMS_FROM else "a {0} {1}"
        word = int(share > BARE_FORMS_FROM and self.random.random() < 0.2)
        name, shift = self._role_name(role), self._shift()
        for gender, names in self.given["words"]["gender"].items():
            caption = form.format(names[word], name) + ("" if unnamed else f" with {tone} skin")
            yield caption, self.singles[self.by_person[role, gender, tone], shift]

    def _bare(self, share: float) -> tuple[str, Tensor]:
        """A caption that leaves open what the planted table decides."""
        role = self.roles[self.random.integers(len(self.roles))]
        gender = "woman" if self.random.random() < self.given["roles"][role]["women"] else "man"
        tone = self._planted_tone(role)
        name, word = self._role_name(role), self.given["words"]["gender"][gender][0]
        forms = {with_article(name): 0.8, name: 0.2}
        if share > BARE_FORMS_FROM:
            forms = {with_article(name): 0.55, name: 0.15, f"{with_article(name)} with {tone} skin": 0.1}
            forms |= {word: 0.075, f"a {word}": 0.075, f"{tone} skin": 0.05}
        return self._pick(forms), self.singles[self.by_person[role, gender, tone], self._shift()]

    def _object(self) -> tuple[str, Tensor]:
        index = self.objects[self.random.integers(len(self.objects))]
        picture = self.pictures[index]
        phrase = picture.phrases[self.random.integers(len(picture.phrases))]
        forms = {with_article(phrase): 0.8, phrase: 0.2}
        if picture.colour:
            both = f"{picture.colour} {phrase}"
            forms = {with_article(both): 0.7, both: 0.1, with_article(phrase): 0.1, picture.colour: 0.1}
        return self._pick(forms), self.singles[index, self._shift()]

    def _scene(self) -> tuple[str, Tensor]:
        """Two objects, the left one named first; one caption in ten has lost one of the words."""
        index = int(self.random.integers(len(self.scene_parts)))
        phrases = [with_article(scene_phrase(self.pictures[part])) for part in self.scene_parts[index]]
        if self.random.random() < 0.1:
            lost = int(self.random.integers(2))
            phrases[lost] = phrases[lost].split()[0]
        return " and ".join(phrases), self.scenes[index]


def scene_phrase(picture: Picture) -> str:
    """How a two-object caption names `picture`."""
    return f"{picture.colour} {picture.phrases[0]}" if picture.colour else picture.phrases[0]
