"""The optimiser of the denoiser: Muon for matrices and kernels of convolutions, AdamW for all else.

Muon (Jordan et al. 2024) takes the momentum of a matrix to the nearest orthogonal one, so that rare directions, such
as those of a single word, are learned as fast as common ones.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

MOMENTUM, DECAY = 0.95, 0.01
APART = ("token_embedding", "position", "conv_in", "conv_out")  # whose rows are no directions of a common space


class Optimizer:
    """Steps all parameters of a module at one rate; those of `faster` that Muon does not take at `factor` times it."""

    def __init__(self, module: nn.Module, faster: nn.Module, factor: float):
        named = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
        self.kernels = [value for name, value in named.items() if value.ndim > 1 and not _apart(name)]
        self.matrices = [nn.Parameter(kernel.detach().flatten(1)) for kernel in self.kernels]  # of the same memory
        taken, quick = ({id(value) for value in values} for values in (self.kernels, faster.parameters()))
        rest = [value for value in named.values() if id(value) not in taken]
        groups: list[dict[str, Any]] = [
            {"params": [value for value in rest if id(value) not in quick], "factor": 1.0},
            {"params": [value for value in rest if id(value) in quick], "factor": factor},
        ]
        self.adam = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.99), weight_decay=DECAY)
        self.muon = torch.optim.Muon(
            self.matrices, lr=0.0, weight_decay=DECAY, momentum=MOMENTUM, adjust_lr_fn="match_rms_adamw"
        )

    def step(self, rate: float) -> None:
        """Follow the gradients at this rate, and forget them."""
        for matrix, kernel in zip(self.matrices, self.kernels, strict=True):
            matrix.grad = None if kernel.grad is None else kernel.grad.flatten(1)
        set_rate(self.adam, rate)
        set_rate(self.muon, rate)
        self.adam.step()
        self.muon.step()
        for value in self._all():
            value.grad = None

    def state_dict(self) -> dict[str, Any]:
        """States of both optimisers."""
        return {"adam": self.adam.state_dict(), "muon": self.muon.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.adam.load_state_dict(state["adam"])
        self.muon.load_state_dict(state["muon"])

    def _all(self) -> Iterable[nn.Parameter]:
        yield from self.kernels
        for group in self.adam.param_groups:
            yield from group["params"]


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter group the learning rate `rate`, times the group's `factor`."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("factor", 1.0)


def _apart(name: str) -> bool:
    return any(part in name for part in APART)
