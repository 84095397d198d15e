"""The weights of a network in the precision that it computes in, and in the memory format that is faster.

Weights in single precision are copied once into a coarser one, instead of being cast at each call as autocast does.
Where that cannot be, autocast does it: weights that are elsewhere as long as they are not needed, or a network that
does not answer with them.
"""

import logging
from collections.abc import Callable

import torch
from torch import Tensor, nn

log = logging.getLogger(__name__)


class Weights:
    """The weights of `network`: those that were loaded, and one coarser copy of them."""

    def __init__(self, network: nn.Module, dtype: torch.dtype, device: torch.device):
        """Of a network that was loaded in `dtype` and computes on `device`."""
        self.network, self.loaded, self.now, self.channels_last = network, dtype, dtype, False
        self._device, self._copied = device, dtype  # the precision of the copies
        self._exact: dict[str, Tensor] = {}
        self._copies: dict[str, Tensor] = {}
        self._refused: set[torch.dtype] = set()

    def use(self, dtype: torch.dtype, ask: Callable[[], object]) -> torch.dtype:
        """Bring the weights to `dtype` if they can be; return the precision that they are in now.

        `ask` has the network answer, once for each precision: what it cannot do stays in the precision of loading.
        """
        if self.loaded != torch.float32:  # to single precision and back, which is exact
            if dtype != self.now:
                self.network.to(dtype)
                self.now = dtype
            return self.now
        known = dtype in (self.loaded, self._copied)
        if dtype in self._refused or not (known or self._resident):
            dtype = self.loaded
        self._exchange(dtype)
        if not known and dtype != self.loaded and not self._answers(ask):
            self._refused.add(dtype)
            self._exchange(self.loaded)
        return self.now

    def lay_out(self, channels_last: bool) -> None:
        """Lay out the weights of convolutions with channels last, or as they were: results differ by rounding."""
        if channels_last == self.channels_last or not self._resident:
            return
        self.channels_last = channels_last
        layout = torch.channels_last if channels_last else torch.contiguous_format
        for _, value in self._tensors():
            if value.dim() == 4:
                value.data = value.data.contiguous(memory_format=layout)
        for each in (self._exact, self._copies):
            for name, values in each.items():
                each[name] = values.contiguous(memory_format=layout) if values.dim() == 4 else values

    @property
    def convolves(self) -> bool:
        """Whether there are convolutions of images, which a layout matters to."""
        return any(isinstance(module, nn.Conv2d) for module in self.network.modules())

    @property
    def _resident(self) -> bool:
        """Whether all weights stay where the network computes."""
        moved = any(
            hasattr(module, name) for module in self.network.modules() for name in ("_hf_hook", "_diffusers_hook")
        )
        return not moved and all(each.device == self._device for each in self.network.parameters())

    def _answers(self, ask: Callable[[], object]) -> bool:
        try:
            ask()
        except (RuntimeError, TypeError) as error:
            log.warning("weights stay in %s, %s is left to autocast (%s)", self.loaded, self.now, error)
            return False
        return True

    def _exchange(self, dtype: torch.dtype) -> None:
        """Put the weights in `dtype` in place of those that are there."""
        if dtype == self.now:
            return
        if self.now != self.loaded:
            self._put(self._exact)
        if dtype != self.loaded:
            if self._copied != dtype:
                self._copies = {}  # makes room first
                self._exact = dict(self._values())
                self._copies, self._copied = {name: _coarser(v, dtype) for name, v in self._exact.items()}, dtype
            self._put(self._copies)
        self.now = dtype

    def _put(self, values: dict[str, Tensor]) -> None:
        for name, value in self._tensors():
            if name in values:
                value.data = values[name]

    def _values(self) -> list[tuple[str, Tensor]]:
        kept = tuple(getattr(self.network, "_keep_in_fp32_modules", None) or ())
        return [
            (name, value.data)
            for name, value in self._tensors()
            if value.is_floating_point() and not any(part in name.split(".") for part in kept)
        ]

    def _tensors(self) -> list[tuple[str, Tensor]]:
        return [*self.network.named_parameters(), *self.network.named_buffers()]


def _coarser(values: Tensor, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False), torch.no_grad():
        return values.to(dtype)
