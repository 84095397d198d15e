"""Attention maps of words, recorded while the denoiser is evaluated: the baseline that maps are held against.

The attention of a word is the softmax probability with which a latent pixel looks at its tokens, summed over tokens,
averaged over heads, layers and noise levels (Tang et al. 2023, "What the DAAM"). In joint attention, where pixels look
at pixels too, it is the part that goes to the word. The levels are those of the evaluation, even in log SNR, of the
finished image, not the steps of its generation.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Layout:
    """Where a network's attention has its text: `states` of it, which cross-attention looks at.

    Joint attention has `total` positions: those of the image at `image`, those of the text at `text`; 0 without any.
    """

    states: int
    total: int = 0
    image: range = range(0)
    text: range = range(0)

    @classmethod
    def of(cls, network: nn.Module, lengths: Sequence[int], ask: Callable[[int], object]) -> "Layout | None":
        """The layout of `network`, whose texts have tensors of `lengths`; None if it never looks at them.

        `ask` calls it with the latents of a seed. What joint attention looks for changes with the latents where the
        image is, and nowhere else in the first layer.
        """
        queries: list[Tensor] = []
        keys: set[tuple[int, int]] = set()
        own = F.scaled_dot_product_attention

        def listen(query: Tensor, key: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            keys.add((query.shape[2], key.shape[2]))
            queries.append(query)
            return own(query, key, *args, **kwargs)

        def begin(*_: Any) -> None:
            queries.clear()

        found = []
        hook = network.register_forward_pre_hook(begin)
        F.scaled_dot_product_attention = listen
        try:
            for seed in (0, 1):
                ask(seed)
                found.append(list(queries))
        finally:
            F.scaled_dot_product_attention = own
            hook.remove()
        for states in (max(lengths), sum(lengths)):
            for one, other in zip(*found, strict=True):
                moved = (one != other).any(-1).any(1)[0].nonzero().flatten().tolist()
                if one.shape[2] > states and moved and len(moved) + states <= one.shape[2]:
                    image = range(moved[0], moved[-1] + 1)
                    start = image.start - states if image.start else image.stop
                    return cls(states, one.shape[2], image, range(start, start + states))
                break
        return next(
            (cls(each) for each in (sum(lengths), max(lengths)) if any(key == each != query for query, key in keys)),
            None,
        )


class AttentionRecorder:
    """Looks at every attention of a network to its text, changing nothing of what is computed.

    `rows` says of which samples of the next call the attention is wanted; `keep` adds what that call showed.
    """

    def __init__(
        self,
        network: nn.Module,
        tokens: Mapping[str, Sequence[int]],
        layout: Layout,
        calling: Callable[[], Tensor | slice] = lambda: slice(None),
    ):
        """`tokens`: word -> the places of its tokens among the states of the text.

        `calling` says for which rows of a batch the network is called at the moment.
        """
        self.words, self.rows = list(tokens), torch.zeros(0, dtype=torch.bool)
        self._network, self._tokens, self._layout, self._calling = network, list(tokens.values()), layout, calling
        self._sums: dict[int, Tensor] = {}  # layer -> (W, pixels)
        self._fresh: dict[int, Tensor] = {}
        self._samples = self._seen = self._layer = 0
        self._crosses, self._wanted = False, torch.zeros(0, dtype=torch.int64)
        self._hooks: list[Any] = []
        self._attend = F.scaled_dot_product_attention

    def __enter__(self) -> "AttentionRecorder":
        self._attend = F.scaled_dot_product_attention
        F.scaled_dot_product_attention = self._listen
        for module in self._network.modules():
            if hasattr(module, "to_k"):
                self._hooks.append(module.register_forward_pre_hook(self._enter, with_kwargs=True))
        self._hooks.append(self._network.register_forward_pre_hook(self._begin))
        return self

    def __exit__(self, *_: object) -> None:
        F.scaled_dot_product_attention = self._attend
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    def keep(self) -> None:
        """Count the last call: a call that failed and is made again is not kept twice."""
        for layer, values in self._fresh.items():
            self._sums[layer] = self._sums[layer] + values if layer in self._sums else values
        self._samples += self._seen
        self._fresh, self._seen = {}, 0

    def maps(self, size: Sequence[int]) -> dict[str, np.ndarray]:
        """Return the mean attention to each word since the last call, float32 `size`, from 0 to 1, and start anew."""
        total = torch.zeros(len(self.words), *size)
        for values in self._sums.values():
            height, width = _shape(values.shape[1], size)
            layer = values.cpu().view(1, -1, height, width)
            total += F.interpolate(layer, tuple(size), mode="bilinear", align_corners=False)[0]
        total /= max(1, self._samples * len(self._sums))
        self._sums, self._samples = {}, 0
        return dict(zip(self.words, total.numpy(), strict=True))

    def _begin(self, *_: Any) -> None:
        self._layer = 0
        rows = self.rows[self._calling()] if len(self.rows) else self.rows
        self._wanted = rows.nonzero().flatten()
        self._seen += len(self._wanted)

    def _enter(self, module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        states = kwargs.get("encoder_hidden_states")
        self._crosses = states is not None and states is not (args[0] if args else kwargs.get("hidden_states"))

    def _listen(self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, *args, **kwargs):
        output = self._attend(query, key, value, attn_mask, *args, **kwargs)
        layout, (asking, asked) = self._layout, (query.shape[2], key.shape[2])
        joint = asking == asked == layout.total
        if joint or (asked == layout.states and (asking != asked or self._crosses)):
            self._layer += 1
            if len(self._wanted):
                rows = self._wanted.to(query.device)
                mask = attn_mask[rows] if attn_mask is not None and len(attn_mask) == len(query) else attn_mask
                self._look(query[rows], key[rows], mask, joint)
        return output

    def _look(self, query: Tensor, key: Tensor, mask: Tensor | None, joint: bool) -> None:
        if joint:
            image = slice(self._layout.image.start, self._layout.image.stop)
            query = query[:, :, image]
            mask = mask[:, :, image] if mask is not None and mask.shape[2] > 1 else mask
        scores = (query.float() @ key.float().transpose(-1, -2)) / query.shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask.float()
        seen = scores.softmax(-1)  # (rows, heads, pixels, positions)
        start = self._layout.text.start if joint else 0
        words = [seen[..., [start + place for place in places]].sum((0, 3)).mean(0) for places in self._tokens]
        self._fresh[self._layer] = self._fresh.get(self._layer, 0) + torch.stack(words)


def _shape(pixels: int, size: Sequence[int]) -> tuple[int, int]:
    """Height and width of a layer with so many pixels, of a latent of `size`."""
    height = max(1, round((pixels * size[0] / size[1]) ** 0.5))
    return height, pixels // height
