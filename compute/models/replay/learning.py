"""How a pipeline calls its denoiser, found out by comparing recordings; no family is known by name."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers import DiffusionPipeline
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from compute.models.replay.batches import CallForm, growing
from compute.models.replay.reading import PROBE, PromptReader, Reading, StateLimit, kept_limit, listening, readers_of
from compute.models.replay.recording import Path, RecordedCall, Recorder, Time, changed, encoding_once
from compute.models.replay.schedule import TrainedLevels
from compute.models.weights.saved import IGNORED
from store.errors import InputError

OUTPUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "same": lambda output: output,
    "negated": lambda output: -output,
    "first half of its channels": lambda output: output.chunk(2, 1)[0],
    "first half of its channels, negated": lambda output: -output.chunk(2, 1)[0],
}
CLOSE = 1e-4  # relative: how near an output form must come to what the scheduler is given
CLOCKS = ((1.0, 0.0), (0.001, 0.0), (-0.001, 1.0), (-1.0, 1000.0))  # factor and start of times, given a timestep
SWITCHES = ("guidance_scale", "true_cfg_scale", "distilled_guidance_scale")
OFF = (1.0, 0.0)
ALWAYS_OFF = {"pag_scale": 0.0, "sag_scale": 0.0}  # guidance by disturbed attention, beside the usual one
PLACES = (0.3, 0.5, 0.7)  # of the trained levels that are recorded
CORNER = 4  # the side of a latent that shows how many pixels an image has for one of its own
TROUBLES = (TypeError, ValueError, KeyError, IndexError, AttributeError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class LatentGrid:
    """The latents of a pipeline's loop, `looped` without rows, and the same on their grid `shape` (c, h, w).

    In the loop they may be packed: a place of the loop holds `patch` x `patch` pixels then. Or channels may come last.
    An image is `magnified`: it has so many pixels a side for one of its latent.
    """

    looped: torch.Size
    shape: tuple[int, int, int]
    patch: int
    magnified: int

    @property
    def _channels_last(self) -> bool:
        channels, height, width = self.shape
        return len(self.looped) > 2 and self.looped[-3:] == (height, width, channels) != self.shape

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of an image."""
        return self.shape[2] * self.magnified, self.shape[1] * self.magnified

    def pack(self, latents: Tensor) -> Tensor:
        """Return latents (B, c, h, w) in the form of the loop."""
        latents = pixel_unshuffle(latents, self.patch)
        if len(self.looped) == 2:
            latents = latents.flatten(2).transpose(1, 2)
        elif self._channels_last:
            latents = latents.movedim(1, -1)
        return latents.reshape(-1, *self.looped)

    def unpack(self, looped: Tensor) -> Tensor:
        """Return latents of the loop as (B, c, h, w)."""
        height, width = (side // self.patch for side in self.shape[1:])
        if len(self.looped) == 2:
            looped = looped.transpose(1, 2)
        elif self._channels_last:
            looped = looped.movedim(-1, 1)
        return pixel_shuffle(looped.reshape(len(looped), -1, height, width), self.patch)


@dataclass(frozen=True)
class TimeScale:
    """How what a denoiser is told of the noise level follows from the timestep."""

    factor: float
    start: float
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, told: Mapping[Time, Tensor]) -> "TimeScale | None":
        """Return the scale that was `told` so at some times; None if it is none of the known ones."""
        for factor, start in CLOCKS:
            values = [torch.tensor(factor * time.timestep + start) for time in told]
            pairs = zip(values, told.values(), strict=True)
            if all(torch.allclose(value.to(one), one, rtol=1e-6, atol=0) for value, one in pairs):
                one = next(iter(told.values()))
                return cls(factor, start, one.dtype, one.device)
        return None


@dataclass(frozen=True)
class CallManner:
    """How a pipeline calls its denoiser where guidance is off: with what, and what it does with the answer."""

    recorder: Recorder
    form: CallForm
    output: str  # one of OUTPUTS
    grid: LatentGrid
    readers: tuple[PromptReader, ...]
    clocks: dict[Path, TimeScale | None]  # None where a time has to be recorded
    _known_times: dict[Time, dict[Path, Tensor]] = field(default_factory=dict)

    def answer(self, output: Any) -> Tensor:
        """Return what the scheduler is given for an output of the denoiser."""
        return OUTPUTS[self.output](as_tensor(output))

    def times(self, times: Sequence[Time]) -> dict[Path, Tensor]:
        """Return the values (B,) that hold `times` in a call, by the ways to them."""
        found = {}
        for path, clock in self.clocks.items():
            if clock is None:
                found[path] = torch.cat([self._recorded(time)[path] for time in times])
            else:
                values = torch.tensor([clock.factor * time.timestep + clock.start for time in times])
                found[path] = values.to(clock.device, clock.dtype)
        return found

    def _recorded(self, time: Time) -> dict[Path, Tensor]:
        if time not in self._known_times:
            values = self.recorder.call([PROBE], time).values()
            self._known_times[time] = {path: values[path].reshape(-1)[:1] for path in self.form.times}
        return self._known_times[time]


def learn(
    pipeline: DiffusionPipeline, network: nn.Module, levels: TrainedLevels, options: Mapping[str, Any], name: str
) -> CallManner:
    """Return how `pipeline`, of the model called `name`, calls its denoiser `network`; `options` go with each call.

    Raises
    ------
    InputError: it cannot be called with text alone, or with guidance only, or its output is in no known form.
    """
    try:
        with encoding_once(pipeline), listening() as readings:
            return _learn(pipeline, network, levels, options, name, readings)
    except TROUBLES as error:
        why = f"its own call fails or needs more than text ({' '.join(str(error).split())[:200]})"
        why += f", at {' x '.join(map(str, _asked(options)))} pixels" if _asked(options) else ""
        absent = [part for part, there in pipeline.components.items() if there is None and part not in IGNORED]
        if absent:
            why += f"; it was saved without {', '.join(absent)}"
        raise InputError(f"model {name!r}", why, "use a text-to-image model") from error


def _learn(
    pipeline: DiffusionPipeline,
    network: nn.Module,
    levels: TrainedLevels,
    options: Mapping[str, Any],
    name: str,
    readings: list[Reading],
) -> CallManner:
    first, middle, last = (levels.times[round(share * len(levels.times))] for share in PLACES)
    for scale in OFF:
        switches = dict.fromkeys(SWITCHES, scale) | ALWAYS_OFF
        off = {key: switches[key] for key in switches.keys() & parameters(pipeline)}
        recorder = Recorder(pipeline, network, {**options, **off})
        calls, outputs, step = recorder.step([PROBE], first)
        one = calls[0]
        latents = changed(one, recorder.call([PROBE], first, seed=1))
        if len(calls) == 1 and len(latents) == 1 and one.values()[latents[0]].numel() == step.latents.numel():
            break
    else:
        why = "its denoiser is called with more rows than texts whatever the guidance"
        raise InputError(f"model {name!r}", why, "use a text-to-image model")
    if step.output.numel() != step.latents.numel():
        taken, made = (value.shape[1 if value.dim() > 3 else -1] for value in (step.latents, step.output))
        why = f"its denoiser takes {taken} channels and returns {made}: it needs more than text"
        raise InputError(f"model {name!r}", why, "use a text-to-image model")
    grid = _grid(pipeline, step.latents, recorder.decoded(step.latents, first))
    if _asked(options) not in ((), grid.pixels):
        (width, height), asked = grid.pixels, " x ".join(map(str, _asked(options)))
        why = f"its pipeline draws {width} x {height} pixels where {asked} are asked for"
        raise InputError(f"model {name!r}", why, f"use --size {width}x{height}")
    later = [recorder.call([PROBE], time) for time in (middle, last)]
    times = tuple(changed(one, later[-1]))
    told = [
        dict(zip((first, middle, last), (call.values()[path] for call in (one, *later)), strict=True)) for path in times
    ]
    form = CallForm(growing(one, recorder.call([PROBE, PROBE], first)), latents[0], times)
    return CallManner(
        recorder=recorder,
        form=form,
        output=_output(outputs[0], step.output, name),
        grid=grid,
        readers=readers_of(readings, kept_limit(pipeline), _state_limit(pipeline, one, form)),
        clocks={path: TimeScale.of(values) for path, values in zip(times, told, strict=True)},
    )


def _asked(options: Mapping[str, Any]) -> tuple[int, ...]:
    """Width and height that are asked for, nothing if the pipeline chooses."""
    return tuple(options[side] for side in ("width", "height") if side in options)


def _state_limit(pipeline: DiffusionPipeline, call: RecordedCall, form: CallForm) -> StateLimit | None:
    most = parameters(pipeline).get("max_sequence_length")
    if not isinstance(most, int):
        return None
    of_texts = [
        value for path, value in call.values().items() if form.row_of(path) is not None and path != form.latents
    ]
    sequences = [value for value in of_texts if torch.is_tensor(value) and value.dim() in (2, 3)]
    return StateLimit(most, frozenset(value.shape[-2] for value in sequences))


def _output(output: Any, expected: Tensor, name: str) -> str:
    found, expected = as_tensor(output).float(), expected.float()
    for form, transform in OUTPUTS.items():
        value = transform(found)
        if value.shape == expected.shape and torch.allclose(value, expected, rtol=CLOSE, atol=CLOSE, equal_nan=True):
            return form
    why = f"its denoiser returns {tuple(found.shape)} in a form that is none of {', '.join(OUTPUTS)}"
    raise InputError(f"model {name!r}", why, "use another pipeline")


def _grid(pipeline: DiffusionPipeline, looped: Tensor, inside: Tensor) -> LatentGrid:
    """The grid of latents that are `looped` (1, ...), and `inside` (1, c, h, w) where the autoencoder gets them."""
    config = pipeline.vae.config
    channels = config.get("latent_channels") or config.get("z_dim")
    height, width = inside.shape[-2:]
    patch = round((looped.shape[-1] / channels) ** 0.5) if looped.dim() == 3 else 1
    if looped.dim() == 4 and looped.shape[1] * looped.shape[2] * looped.shape[3] == inside[0].numel():
        patch = height // looped.shape[2]
    return LatentGrid(
        looped=looped.shape[1:],
        shape=(looped[0].numel() // (height * width), height, width),
        patch=patch,
        magnified=_magnified(pipeline, inside),
    )


def _magnified(pipeline: DiffusionPipeline, inside: Tensor) -> int:
    corner = torch.zeros_like(inside[..., :CORNER, :CORNER]).to(pipeline.vae.dtype)
    return pipeline.vae.decode(corner, return_dict=False)[0].shape[-1] // corner.shape[-1]


def as_tensor(output: Any) -> Tensor:
    """Return the output of a denoiser as one tensor (B, c, h, w) or (B, places, channels)."""
    found = output[0] if isinstance(output, (tuple, list)) else output.sample
    found = torch.stack(list(found)) if isinstance(found, (list, tuple)) else found
    return found.squeeze(2) if found.dim() == 5 else found


def parameters(pipeline: DiffusionPipeline | type) -> dict[str, Any]:
    """Return the options of a pipeline's call with their defaults."""
    return {key: each.default for key, each in inspect.signature(pipeline.__call__).parameters.items()}
