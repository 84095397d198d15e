"""Cross-attention maps of words, recorded while the denoiser is evaluated: the baseline that maps are held against.

The attention of a word is the softmax probability with which a latent pixel looks at its tokens, summed over tokens,
averaged over heads, layers and noise levels (Tang et al. 2023, "What the DAAM"). The levels are those of the
evaluation, even in log SNR, of the finished image, not the steps of its generation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

CROSS = ".attn2"


class AttentionRecorder:
    """Looks at the cross-attention layers of a U-Net, changing nothing of what they compute.

    `rows` says of which samples of the next call the attention is wanted; `keep` adds what that call showed.
    """

    def __init__(self, unet: torch.nn.Module, tokens: Mapping[str, Sequence[int]]):
        """`tokens`: word -> the places of its tokens among the encoder's states."""
        self.words, self.rows = list(tokens), torch.zeros(0, dtype=torch.bool)
        self._unet, self._tokens = unet, list(tokens.values())
        self._sums: dict[str, Tensor] = {}  # layer -> (W, pixels)
        self._fresh: dict[str, Tensor] = {}
        self._samples = self._seen = 0
        self._hooks: list[Any] = []

    def __enter__(self) -> "AttentionRecorder":
        for name, module in self._unet.named_modules():
            if name.endswith(CROSS):
                self._hooks.append(module.register_forward_pre_hook(self._look(name), with_kwargs=True))
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    def keep(self) -> None:
        """Count the last call: a call that failed and is made again is not kept twice."""
        for name, values in self._fresh.items():
            self._sums[name] = self._sums[name] + values if name in self._sums else values
        self._samples += self._seen
        self._fresh, self._seen = {}, 0

    def maps(self, size: Sequence[int]) -> dict[str, np.ndarray]:
        """Return the mean attention to each word since the last call, float32 `size`, from 0 to 1, and start anew."""
        total = torch.zeros(len(self.words), *size)
        for values in self._sums.values():
            height, width = _shape(values.shape[1], size)
            layer = values.view(1, -1, height, width)
            total += F.interpolate(layer, tuple(size), mode="bilinear", align_corners=False)[0]
        total /= max(1, self._samples * len(self._sums))
        self._sums, self._samples = {}, 0
        return dict(zip(self.words, total.numpy(), strict=True))

    def _look(self, name: str):
        def look(module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
            hidden = args[0] if args else kwargs["hidden_states"]
            rows = self.rows.to(hidden.device)
            if not rows.any():
                return
            states = kwargs["encoder_hidden_states"][rows]
            query = module.head_to_batch_dim(module.to_q(hidden[rows]))
            key = module.head_to_batch_dim(module.to_k(states))
            seen = module.get_attention_scores(query, key).float()  # (rows heads, pixels, tokens)
            words = torch.stack([seen[..., list(places)].sum((0, 2)) for places in self._tokens]).cpu()
            self._fresh[name] = words / module.heads
            self._seen = int(rows.sum())

        return look


def _shape(pixels: int, size: Sequence[int]) -> tuple[int, int]:
    """Height and width of a layer with so many pixels, of a latent of `size`."""
    height = max(1, round((pixels * size[0] / size[1]) ** 0.5))
    return height, pixels // height
