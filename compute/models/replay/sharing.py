"""What rows of a batch have in common, computed once: the same noisy latents, or the same text.

Up to the first cross-attention a network computes the same for all texts that share one noisy latent, and keys and
values of a text are the same for all latents. Which modules do so is found by asking the network once and comparing
what they are given. They keep their own forward: hooks give them the rows that differ and repeat what they return.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

LATENTS, TEXT = "latents", "text"  # what rows that are alike have in common
CLOSE = 1e-5  # relative difference in single precision beyond which values are not the same
WEIGHTS = (nn.Linear, nn.modules.conv._ConvNd)  # a module without any of these is not worth it

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alike:
    """Which of B rows are alike: `first[kind]`, the rows that differ, and for each row its place among them."""

    count: int
    first: dict[str, Tensor]  # int64 (differing rows,)
    place: dict[str, Tensor]  # int64 (B,)

    @classmethod
    def of(cls, z: Tensor, level: Tensor, text: Tensor) -> "Alike":
        """Compare the rows of noisy latents (B, ...), their `level` (B,) and `text` (B,), all on the CPU."""
        latents: list[int] = []
        where: dict[int, list[int]] = {}  # level -> rows that differ
        for row, at in enumerate(level.tolist()):
            known = where.setdefault(at, [])
            same = next((other for other in known if torch.equal(z[other], z[row])), None)
            if same is None:
                known.append(row)
            latents.append(row if same is None else same)
        texts = text.tolist()
        return cls._of({LATENTS: latents, TEXT: [texts.index(each) for each in texts]})

    @classmethod
    def _of(cls, same: dict[str, list[int]]) -> "Alike":
        """From the first row that each row is alike."""
        first, place = {}, {}
        for kind, rows in same.items():
            first[kind], place[kind] = torch.tensor(rows).unique(return_inverse=True)
        return cls(len(rows), first, place)

    @property
    def kinds(self) -> list[str]:
        """What some rows have in common."""
        return [kind for kind, rows in self.first.items() if len(rows) < self.count]

    def to(self, device: torch.device) -> "Alike":
        """Return the same with its rows on `device`."""
        first, place = ({kind: rows.to(device) for kind, rows in each.items()} for each in (self.first, self.place))
        return Alike(self.count, first, place)


class SharedWork:
    """The modules of a network that compute the same for rows that are alike, asked once for each of these."""

    def __init__(self, network: nn.Module, ask: Callable[[], Tensor], alike: Alike, close: float = CLOSE):
        """`ask` asks the network for a few rows, of which `alike` says how they are.

        Nothing is shared if the answer is then another by more than `close`, relative to the largest value.
        """
        self._alike: Alike | None = None
        self._hooks: list[Any] = []
        shared, plain = _shared_modules(network, ask, alike)
        for module, kind in shared.items():
            self._hooks.append(module.register_forward_pre_hook(self._chooser(kind), with_kwargs=True))
            self._hooks.append(module.register_forward_hook(self._repeater(kind)))
        with self.between(alike):
            off = float((ask() - plain).abs().max() / plain.abs().max().clamp(min=1e-12))
        if not off <= close:
            log.warning("%s: nothing is shared between rows, predictions differ by %.1g", type(network).__name__, off)
            self.remove()

    @property
    def modules(self) -> int:
        """How many modules are asked once."""
        return len(self._hooks) // 2

    def remove(self) -> None:
        """Share nothing any more."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    @contextmanager
    def between(self, alike: Alike) -> Iterator[None]:
        """Share work between rows that are `alike` in the calls of the network within it."""
        self._alike = alike
        try:
            yield
        finally:
            self._alike = None

    def _chooser(self, kind: str) -> Callable[..., Any]:
        def choose(module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]] | None:
            alike = self._alike
            if alike is None or kind not in alike.kinds:
                return None

            def chosen(value: Any) -> Any:
                return value[alike.first[kind]] if _has_rows(value, alike.count) else value

            return tuple(map(chosen, args)), {name: chosen(value) for name, value in kwargs.items()}

        return choose

    def _repeater(self, kind: str) -> Callable[..., Any]:
        def repeat(module: nn.Module, args: tuple, output: Tensor) -> Tensor | None:
            alike = self._alike
            return None if alike is None or kind not in alike.kinds else output[alike.place[kind]]

        return repeat


def _shared_modules(network: nn.Module, ask: Callable[[], Tensor], alike: Alike) -> tuple[dict[nn.Module, str], Tensor]:
    """The topmost modules that are given the same for rows that are alike, once, and answer the same; and the answer.

    A module that computes the same for all rows counts as one that the latents decide.
    """
    found: dict[nn.Module, list[str]] = {}

    def look(module: nn.Module, args: tuple, kwargs: dict[str, Any], output: Any) -> None:
        given = [value for value in (*args, *kwargs.values()) if torch.is_tensor(value) and value.dim()]
        whole = torch.is_tensor(output) and all(_has_rows(value, alike.count) for value in (*given, output))
        kinds = [
            kind for kind in alike.first if whole and given and all(_same(v, alike, kind) for v in (*given, output))
        ]
        found[module] = kinds if module not in found else []

    parts = [module for module in network.modules() if any(isinstance(each, WEIGHTS) for each in module.modules())]
    hooks = [module.register_forward_hook(look, with_kwargs=True) for module in parts if module is not network]
    try:
        plain = ask()
    finally:
        for hook in hooks:
            hook.remove()
    shared = {module: kinds[0] for module, kinds in found.items() if kinds}
    below = {part for module in shared for part in module.modules() if part is not module}
    return {module: kind for module, kind in shared.items() if module not in below}, plain


def _has_rows(value: Any, count: int) -> bool:
    return torch.is_tensor(value) and value.dim() > 0 and len(value) == count


def _same(values: Tensor, alike: Alike, kind: str) -> bool:
    again = values[alike.first[kind]][alike.place[kind]]
    if not (values.is_floating_point() or values.is_complex()):
        return torch.equal(values, again)
    return bool((values - again).abs().max() <= CLOSE * values.abs().max())
