"""Attention maps of words, recorded while the denoiser is evaluated: baselines that maps are held against.

The attention of a word is the softmax probability with which a latent pixel looks at its tokens, summed over tokens,
averaged over heads, layers and noise levels (Tang et al. 2023, "What the DAAM"). In joint attention, where pixels look
at pixels too, it is the part that goes to the word. There the outputs of attention are compared besides, as
ConceptAttention does (Helbling et al. 2025): the softmax over words of the inner product of what attention
returns for a pixel and for a word, averaged over layers and noise levels. Its words are those of the prompt, whose
tokens are there anyway, in place of concepts beside it. The levels are those of the evaluation, even in log SNR, of the
finished image, not the steps of its generation.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from store.records import ATTENTION, SIMILARITY

NUMBERS = 4  # kept of each position to see whether it changes
STILL = 1e-4  # of the largest value: positions that change by less do not depend on what was changed


@dataclass(frozen=True)
class Looking:
    """How one attention looks at the text, whose states begin at `text` of what is looked at.

    The pixels that look are at `image` where text looks too; without it all that looks are pixels.
    """

    text: int
    image: slice | None = None


@dataclass(frozen=True)
class Layout:
    """Which attentions of a network look at its text, by their place in the order of its calls.

    The text has so many `states`.
    """

    layers: Mapping[int, Looking]
    states: int

    @classmethod
    def of(cls, ask: Callable[[bool, bool], object], lengths: Sequence[int], size: tuple[int, int]) -> "Layout | None":
        """The layout of a network whose texts have tensors of `lengths`; None if it never looks at them.

        `ask` calls it, with other latents of `size` or with other states of the text. Where these change what is
        looked at, before both have met, is where they are.
        """
        plain, image, text = (_heard(partial(ask, *other)) for other in ((False, False), (True, False), (False, True)))
        if not len(plain) == len(image) == len(text):
            return None
        layers: dict[int, Looking] = {}
        joint: tuple[tuple[int, int], Looking] | None = None  # how many look at how many
        room = 0  # that the text has at most among what is looked at
        for place, (one, other, told) in enumerate(zip(plain, image, text, strict=True)):
            looks, seen, words = _moved(one[0], other[0]), _moved(one[1], other[1]), _moved(one[1], told[1])
            if not looks or not words:
                continue
            alone = sorted(set(words) - set(seen))
            asking, total = len(one[0]), len(one[1])
            if not seen:
                layers[place] = Looking(words[0])
                room = max(room, total)
            elif joint is None and alone:
                pixels = _pixels(len(seen), size)
                there = slice(seen[0], seen[0] + pixels) if asking == total else None
                joint = (asking, total), Looking(alone[0], there)
                room = max(room, total - pixels)
            if seen and joint is not None and (asking, total) == joint[0]:
                layers[place] = joint[1]
        states = sum(lengths) if sum(lengths) <= room else max(lengths)  # one behind the other, or beside one another
        return cls(layers, states) if layers else None


class Shown(NamedTuple):
    """What calls of a network showed: kind and place of the layer -> (W, pixels), summed over so many `samples`."""

    sums: dict[tuple[str, int], Tensor]
    samples: int


class AttentionRecorder:
    """Looks at every attention of a network to its text, changing nothing of what is computed.

    `rows` says of which samples of the next calls the attention is wanted, `taken` what they showed; `add` counts it.
    """

    def __init__(
        self,
        network: nn.Module,
        tokens: Mapping[str, Sequence[int]],
        layout: Layout,
        others: Sequence[Sequence[int]] = (),
        calling: Callable[[], Tensor | slice] = lambda: slice(None),
    ):
        """`tokens`: word -> the places of its tokens among the states of the text; `others`: of the other words.

        `calling` says for which rows of a batch the network is called at the moment.
        """
        self.words, self.rows = list(tokens), torch.zeros(0, dtype=torch.bool)
        self._network, self._layout, self._calling = network, layout, calling
        self._tokens, self._others = list(tokens.values()), list(others)
        self._kept, self._fresh = Shown({}, 0), Shown({}, 0)
        self._place = 0
        self._wanted = torch.zeros(0, dtype=torch.int64)
        self._hook: Any = None
        self._attend = F.scaled_dot_product_attention

    def __enter__(self) -> "AttentionRecorder":
        self._attend = F.scaled_dot_product_attention
        F.scaled_dot_product_attention = self._listen
        self._hook = self._network.register_forward_pre_hook(self._begin)
        return self

    def __exit__(self, *_: object) -> None:
        F.scaled_dot_product_attention = self._attend
        self._hook.remove()

    @property
    def kinds(self) -> tuple[str, ...]:
        """What `maps` has: of text that does not look itself there is no output."""
        joint = any(looking.image is not None for looking in self._layout.layers.values())
        return (ATTENTION, SIMILARITY) if joint else (ATTENTION,)

    def taken(self) -> Shown:
        """Return what calls showed since this was asked last; what a call that failed showed is dropped by that."""
        shown, self._fresh = self._fresh, Shown({}, 0)
        return shown

    def add(self, shown: Shown) -> None:
        """Count in `maps` what calls showed."""
        sums = {key: self._kept.sums.get(key, 0) + values for key, values in shown.sums.items()}
        self._kept = Shown(self._kept.sums | sums, self._kept.samples + shown.samples)

    def maps(self, size: Sequence[int]) -> dict[str, dict[str, np.ndarray]]:
        """Return the mean since the last call, kind -> word -> float32 `size`, from 0 to 1, and start anew."""
        found, (sums, samples) = {}, self._kept
        for kind in dict.fromkeys(kind for kind, _ in sums):
            layers = [values for (other, _), values in sums.items() if other == kind]
            total = torch.zeros(len(self.words), *size)
            for values in layers:
                layer = values.cpu().view(1, -1, *_shape(values.shape[1], size))
                total += F.interpolate(layer, tuple(size), mode="bilinear", align_corners=False)[0]
            found[kind] = dict(zip(self.words, (total / (samples * len(layers))).numpy(), strict=True))
        self._kept = Shown({}, 0)
        return found

    def _begin(self, *_: Any) -> None:
        self._place = 0
        rows = self.rows[self._calling()] if len(self.rows) else self.rows
        self._wanted = rows.nonzero().flatten()
        self._fresh = self._fresh._replace(samples=self._fresh.samples + len(self._wanted))

    def _listen(self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, *args, **kwargs):
        output = self._attend(query, key, value, attn_mask, *args, **kwargs)
        looking = self._layout.layers.get(self._place)
        if looking is not None and len(self._wanted):
            rows = self._wanted.to(query.device)
            mask = attn_mask[rows] if attn_mask is not None and len(attn_mask) == len(query) else attn_mask
            self._add(ATTENTION, self._looks(looking, query[rows], key[rows], mask, kwargs.get("scale")))
            if looking.image is not None:
                self._add(SIMILARITY, self._resembles(looking, output[rows]))
        self._place += 1
        return output

    def _add(self, kind: str, values: Tensor) -> None:
        self._fresh.sums[kind, self._place] = self._fresh.sums.get((kind, self._place), 0) + values

    def _looks(self, looking: Looking, query: Tensor, key: Tensor, mask: Tensor | None, scale: float | None) -> Tensor:
        """The probability with which pixels look at words, summed over rows: (W, pixels)."""
        if looking.image is not None:
            query = query[:, :, looking.image]
            mask = mask[:, :, looking.image] if mask is not None and mask.shape[2] > 1 else mask
        key = key.repeat_interleave(query.shape[1] // key.shape[1], 1)  # several heads may look at one
        scores = (query.float() @ key.float().transpose(-1, -2)) * (scale or query.shape[-1] ** -0.5)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask.float()
        seen = scores.softmax(-1)  # (rows, heads, pixels, positions)
        return torch.stack([seen[..., _at(looking, places)].sum((0, 3)).mean(0) for places in self._tokens])

    def _resembles(self, looking: Looking, output: Tensor) -> Tensor:
        """How far what attention returns for pixels is what it returns for words, summed over rows: (W, pixels)."""
        states = output.float().transpose(1, 2).flatten(2)  # (rows, positions, features)
        words = [states[:, _at(looking, places)].mean(1) for places in (*self._tokens, *self._others)]
        shares = (states[:, looking.image] @ torch.stack(words, 2)).softmax(-1)  # (rows, pixels, words)
        return shares.sum(0).T[: len(self._tokens)]


def _at(looking: Looking, places: Sequence[int]) -> list[int]:
    return [looking.text + place for place in places]


def _heard(ask: Callable[[], object]) -> list[tuple[Tensor, Tensor]]:
    """Some numbers of each position that looks, and of each that is looked at, of each attention of a call."""
    found: list[tuple[Tensor, Tensor]] = []
    own = F.scaled_dot_product_attention

    def listen(query: Tensor, key: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        found.append((_numbers(query), _numbers(key)))
        return own(query, key, *args, **kwargs)

    F.scaled_dot_product_attention = listen
    try:
        ask()
    finally:
        F.scaled_dot_product_attention = own
    return found


def _numbers(states: Tensor) -> Tensor:
    """NUMBERS of each position of (rows, heads, positions, width), of the first row: (positions, NUMBERS)."""
    places = torch.arange(1, states.shape[-1] + 1, device=states.device, dtype=torch.float32)
    weights = torch.stack([(places * (1 + number)).cos() for number in range(NUMBERS)], 1)
    return (states[0].float() @ weights).reshape(-1, states.shape[-2], NUMBERS).sum(0).cpu()


def _moved(one: Tensor, other: Tensor) -> list[int]:
    """The positions that changed, in order; none where they cannot be compared."""
    if one.shape != other.shape:
        return []
    return ((one - other).abs() > STILL * one.abs().max()).any(1).nonzero().flatten().tolist()


def _pixels(most: int, size: tuple[int, int]) -> int:
    """How many patches latents of `size` have, `most` at most: behind them there may be padding."""
    patches = (max(1, size[0] // side) * max(1, size[1] // side) for side in range(1, max(size) + 1))
    return next(count for count in patches if count <= most)


def _shape(pixels: int, size: Sequence[int]) -> tuple[int, int]:
    """Height and width of a layer with so many pixels, of a latent of `size`."""
    height = max(1, round((pixels * size[0] / size[1]) ** 0.5))
    return height, pixels // height
