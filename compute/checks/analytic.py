"""A denoiser with closed forms: Gaussian mixtures whose components are pairs of words.

Every quantity that the estimators return has a known value here, so that they can be held to it.
A text names words; it selects the components that carry all of them, and the empty text selects all.
"""

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from compute.estimation.noise_levels import HIGHEST, LOWEST
from store.errors import InputError
from store.prompts.tokens import Token
from store.records import Span

PATCH = 4  # pixels of a patch's side
SPREAD = 0.3  # standard deviation of a pixel within a component; patterns are +-1
LEVELS = 2000


@dataclass(frozen=True)
class Gate:
    """Two words and what an image shows of them.

    `joint` maps (first word's value, second word's value) to its probability; `shows` turns the values into bits. Each
    is drawn as +-1 in a patch of its own; with `overlaid`, all in one patch, as orthogonal patterns that are added.
    """

    name: str
    joint: dict[tuple[str, str], float]
    shows: Callable[[str, str], tuple[int, ...]]
    overlaid: bool = False

    @cached_property
    def components(self) -> list[tuple[float, tuple[str, str], tuple[int, ...]]]:
        """Probability, words and shown bits of each component."""
        return [
            (p, (f"a{first}", f"b{second}"), self.shows(first, second)) for (first, second), p in self.joint.items()
        ]

    def distribution(self) -> dict[tuple[str, str, tuple[int, ...]], float]:
        """p(first word, second word, image), the image reduced to its pattern."""
        return {(*words, bits): p for p, words, bits in self.components}


def _uniform(first: Sequence[str], second: Sequence[str]) -> dict[tuple[str, str], float]:
    values = list(itertools.product(first, second))
    return dict.fromkeys(values, 1 / len(values))


def _mix(name: str, overlaid: bool = False) -> Gate:
    """A bit both words say, one bit each says alone, and one that only both together decide."""
    threes = ["".join(bits) for bits in itertools.product("01", repeat=3)]
    joint = {(a, b): 1 / 32 for a, b in itertools.product(threes, threes) if a[0] == b[0]}
    return Gate(name, joint, lambda a, b: (int(a[0]), int(a[1]), int(b[1]), int(a[2]) ^ int(b[2])), overlaid)


def _patterns(bits: int, overlaid: bool) -> Tensor:
    """What each bit draws, float64 (bits, 1, PATCH, width)."""
    if not overlaid:
        return torch.eye(bits).repeat_interleave(PATCH, 1)[:, None, None].expand(-1, 1, PATCH, -1).double()
    stripes = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]).double()  # orthogonal
    return stripes[:bits, None, None].expand(-1, 1, PATCH, -1)


GATES = {
    gate.name: gate
    for gate in [
        Gate("RDN", {("0", "0"): 0.5, ("1", "1"): 0.5}, lambda a, b: (int(a),)),
        Gate("UNQ", _uniform("01", "01"), lambda a, b: (int(a), int(b))),
        Gate("XOR", _uniform("01", "01"), lambda a, b: (int(a) ^ int(b),)),
        Gate("AND", _uniform("01", "01"), lambda a, b: (int(a) & int(b),)),
        _mix("MIX"),
        Gate("COR", {(a, b): 0.4 if a == b else 0.1 for a in "01" for b in "01"}, lambda a, b: (int(a), int(b))),
        Gate("UNQ-same", _uniform("01", "01"), lambda a, b: (int(a), int(b)), overlaid=True),
        _mix("MIX-same", overlaid=True),
    ]
}


@dataclass(frozen=True)
class LogPriors:
    """Logarithms of the components' prior weights under K texts, `values` float64 (K, N)."""

    values: Tensor

    def select(self, texts: Tensor) -> "LogPriors":
        """Return the texts at these places, int64 (B,), which may repeat."""
        return LogPriors(self.values[texts])


class AnalyticDenoiser:
    """The exact posterior-mean denoiser of a gate's mixture, as a `Denoiser`."""

    revision = "1"
    token_limit = 8
    unknown_token: int | None = None
    usual_guidance = 1.0
    notes: tuple[str, ...] = ()

    def __init__(self, gate: Gate):
        self.name, self.gate = f"analytic-{gate.name.lower()}", gate
        bits = torch.tensor([shown for _, _, shown in gate.components], dtype=torch.float64)  # (N, P)
        drawn = _patterns(bits.shape[1], gate.overlaid)
        self.means = torch.einsum("np,pchw->nchw", 2 * bits - 1, drawn)  # (N, 1, PATCH, width)
        self.weights = torch.tensor([p for p, _, _ in gate.components], dtype=torch.float64)
        self.latent_shape = (1, PATCH, self.means.shape[-1])
        self.log_snr = torch.linspace(HIGHEST, LOWEST, LEVELS, dtype=torch.float64)
        self.words = sorted({word for _, words, _ in gate.components for word in words})
        self.vocabulary: frozenset[str] | None = frozenset(self.words)
        self.dtypes: tuple[torch.dtype, ...] = (torch.float64,)
        self.computes, self.convolves = torch.float64, False
        self.device = torch.device("cpu")

    def tokens(self, text: str) -> list[Token]:
        found, start = [], 0
        for word in text.split():
            if word not in self.words:
                raise InputError(f"word {word!r}", f"unknown to {self.name}", f"use {', '.join(self.words)}")
            start = text.index(word, start)
            found.append(Token(self.words.index(word), start, start + len(word)))
        return found

    def ids(self, text: str) -> tuple[int, ...]:
        return tuple(token.id for token in self.tokens(text))

    def encode(self, texts: Sequence[str]) -> LogPriors:
        """Logarithms of the components' prior weights under each text, float64 (K, N)."""
        return LogPriors(torch.stack([self._log_prior(text) for text in texts]))

    def predict_noise(self, z: Tensor, level: Tensor, conditioning: LogPriors) -> Tensor:
        alpha = self.log_snr[level].sigmoid().view(-1, 1)
        variance = alpha * SPREAD**2 + 1 - alpha
        flat, means = z.double().flatten(1), self.means.flatten(1)  # (B, D), (N, D)
        fit = (alpha.sqrt() * (flat @ means.T) - alpha / 2 * means.square().sum(1)) / variance  # (B, N)
        posterior = (fit + conditioning.values).softmax(1)
        off = flat - alpha.sqrt() * (posterior @ means)
        return ((1 - alpha).sqrt() / variance * off).view(z.shape).float()

    def lay_out(self, channels_last: bool) -> None:
        """It has no weights."""

    def computing_in(self, dtype: torch.dtype) -> AbstractContextManager[None]:
        return nullcontext()

    def attention(self, prompt: str, spans: Sequence[Span]) -> None:
        return None

    def generate(self, prompt: str, seeds: Sequence[int], guidance: float, steps: int) -> Tensor:
        """Exact samples given `prompt`; guidance and steps do not apply."""
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        prior = self._log_prior(prompt).exp()
        chosen = torch.cat([torch.multinomial(prior, 1, generator=generator) for generator in generators])
        noise = torch.stack([torch.randn(self.latent_shape, generator=generator) for generator in generators])
        return (self.means[chosen] + SPREAD * noise).float()

    def encode_image(self, image: np.ndarray) -> Tensor:
        return torch.from_numpy(image).float().mean(2)[None, None] / 127.5 - 1

    def decode(self, latents: Tensor) -> np.ndarray:
        grey = ((latents + 2) / 4 * 255).clamp(0, 255).byte()
        return grey.permute(0, 2, 3, 1).repeat(1, 1, 1, 3).numpy()

    def log_density(self, latents: Tensor, text: str) -> Tensor:
        """log p(x | text) in nats, float64 (S,), up to a constant that no text changes."""
        off = latents.double().unsqueeze(1) - self.means
        return (self._log_prior(text) - off.square().sum((2, 3, 4)) / (2 * SPREAD**2)).logsumexp(1)

    def _log_prior(self, text: str) -> Tensor:
        wanted = set(text.split())
        named = torch.tensor([wanted <= set(words) for _, words, _ in self.gate.components])
        prior = self.weights * named
        return (prior / prior.sum()).log()
