"""Any text-to-image pipeline of diffusers as an `Adapter`, by recording and replaying its own calls."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from compute.models import families
from compute.models.attention import AttentionRecorder, Layout
from compute.models.denoiser import sent
from compute.models.replay.autoencoder import Autoencoder
from compute.models.replay.batches import RecordedTexts, signature
from compute.models.replay.learning import learn, parameters
from compute.models.replay.precision import Weights
from compute.models.replay.reading import PromptReader, embedding, limit_to_encoders, listening, places_among
from compute.models.replay.recording import Path, RecordedCall, changed, device_of, final_latents
from compute.models.replay.schedule import TrainedLevels
from compute.models.replay.sharing import CLOSE, Alike, SharedWork
from store.errors import InputError
from store.prompts.model_cards import UNGUIDED
from store.prompts.tokens import Token, ids_of, longest
from store.records import Span
from store.words import find_word, prompt_words

FASTER = {"cuda": (torch.bfloat16, torch.float16), "cpu": (torch.bfloat16,)}  # from float32 weights
OWN = (0.35, 0.8)  # of the trained levels that an adapter is held against its pipeline at
ZEROS = (-1,)  # in the place of tokens, where zeros stand for no text
TRIED = 4  # rows that it is found with what rows of a batch can share
ROUNDING = 8  # units in the last place that predictions in half precision may differ by with the size of a batch
PROBED = (0.3, 0.6)  # of the trained levels that they are at
REWRITING = {"use_pe", "enable_prompt_rewrite"}  # options by which a language model writes texts anew
PLAIN = REWRITING | {"use_resolution_binning", "clean_caption"}  # what pipelines do to sizes and texts on their own


@dataclass(frozen=True)
class Recordings:
    """K texts, recorded. `place[i]` is (group, place in it) of the text at i."""

    groups: tuple[RecordedTexts, ...]
    place: Tensor  # int64 (K, 2)

    def select(self, texts: Tensor) -> "Recordings":
        """Return the texts at these places, int64 (B,), which may repeat."""
        return Recordings(self.groups, self.place[texts.cpu()])


class PipelineAdapter:
    """A text-to-image pipeline as an `Adapter`."""

    def __init__(
        self,
        pipeline: DiffusionPipeline,
        name: str,
        revision: str,
        vocabulary: frozenset[str] | None = None,
        size: tuple[int, int] | None = None,
        fixed: bool = False,
    ):
        """`size` is (width, height) in pixels, the pipeline's own without it; `fixed` weights keep their precision.

        Raises
        ------
        InputError: the pipeline needs more than text or lacks a part, or its call or output is in no known form.
        """
        self.pipeline, self.name, self.revision, self.vocabulary = pipeline, name, revision, vocabulary
        self.family = families.of(type(pipeline).__name__)
        families.check(pipeline, name)
        pipeline.set_progress_bar_config(disable=True)
        for part in pipeline.components.values():
            if isinstance(part, torch.nn.Module):
                part.eval()
        self.network = getattr(pipeline, "transformer", None) or pipeline.unet
        self.weights = self.computes = self._loaded = self.network.dtype
        others = FASTER.get(self.device.type, ()) if self.weights == torch.float32 else (self.weights,)
        self.dtypes = (self.weights,) if fixed else (torch.float32, *others)
        self._weights = Weights(self.network, self.weights, self.device)
        self.convolves = self._weights.convolves
        self.levels = TrainedLevels.of(pipeline.scheduler, name)
        self.log_snr = self.levels.log_snr
        limit_to_encoders(pipeline)
        options = _size_options(pipeline, self.network, size)
        with torch.inference_mode():
            self._manner = learn(pipeline, self.network, self.levels, options, name)
        if not self._manner.readers:
            raise InputError(f"model {name!r}", "its tokenizer has no fast form", "save it with tokenizer.json")
        self.readers, self._grid = self._manner.readers, self._manner.grid
        self.latent_shape = self._grid.shape
        self._autoencoder = Autoencoder(pipeline.vae, self._manner, self.levels.times[1], name)
        self._options = options
        self._calling: Tensor = torch.zeros(0, dtype=torch.int64)
        self._layouts: dict[tuple[int, ...], Layout | None] = {}  # by lengths of texts
        self.shares = True  # whether rows of a batch share what they have in common
        self._shared: SharedWork | None = None

    @cached_property
    def device(self) -> torch.device:
        """Where the network computes; its weights may lie elsewhere."""
        return device_of(self.pipeline)

    @property
    def longest_readers(self) -> list[PromptReader]:
        """The readers with the highest limit: what they cut off, the model does not read."""
        return [reader for reader in self.readers if reader.limit == self.token_limit]

    @property
    def token_limit(self) -> int:
        """Tokens of a text that the reader with the highest limit takes."""
        return self.readers[0].limit

    @property
    def unknown_token(self) -> int | None:
        """See `store.prompts.conditions.Reader`."""
        return self.readers[0].tokenizer.unk_token_id

    @property
    def notes(self) -> list[str]:
        """What a reader of its results has to know, in sentences: of what is assumed, and of distilled models."""
        found = []
        if not self.family.known:
            found.append(
                f"{self.family.pipeline} is not among the families known here; assumed is that its training showed the "
                "empty text for no text, and that it is not distilled"
            )
        if REWRITING & parameters(self.pipeline).keys():
            found.append("its pipeline would let a language model write texts anew; here they are read as they are")
        if "guider" in self.pipeline.components:
            found.append("its pipeline guides by an object of its own; here its images are drawn without guidance")
        told = "with guidance as an input of its network" if _is_told_guidance(self.network) else ""
        if distilled := told or self.family.distilled:
            found.append(
                f"models of {self.family.pipeline} are distilled {distilled}: their predictions without text are of no "
                "distribution that they draw from; ask in context (CPID)"
            )
        return found

    @property
    def usual_guidance(self) -> float:
        """The guidance of the pipeline's own call where nobody names one; none of models that ship with their words."""
        return UNGUIDED if self.vocabulary is not None else families.usual_guidance(type(self.pipeline))

    def tokens(self, text: str) -> list[Token]:
        """Return the tokens of `text`: see `store.prompts.conditions.Reader`."""
        return longest(reader.tokens(text) for reader in self.longest_readers)

    def ids(self, text: str) -> tuple[int, ...]:
        """Return what all readers make of `text`: see `store.prompts.conditions.Reader`."""
        if text == "" and self._nothing is None:
            return ZEROS
        read = text or self._nothing or ""
        return ids_of(reader.tokens(read) for reader in self.readers)

    def cut_off(self, prompt: str) -> list[str]:
        """Return what readers with lower limits than the highest do not take of `prompt`, in a sentence each."""
        found = []
        for reader in self.readers[len(self.longest_readers) :]:
            tokens = reader.tokens(prompt)
            if len(tokens) > reader.limit:
                lost = textwrap.shorten(prompt[tokens[reader.limit].start :], 60)
                found.append(
                    f"{type(reader.tokenizer).__name__} takes {reader.limit} tokens and does not read {lost!r}"
                )
        return list(dict.fromkeys(found))

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> Recordings:
        """Return the recordings of K texts, each made alone, so that no text depends on those beside it."""
        form = self._manner.form
        groups: dict[Any, list[RecordedCall]] = {}
        place = []
        for text in texts:
            call = self._record(text)
            key = signature(form, call)
            groups.setdefault(key, []).append(call)
            place.append((list(groups).index(key), len(groups[key]) - 1))
        return Recordings(tuple(RecordedTexts(form, calls) for calls in groups.values()), torch.tensor(place))

    @torch.inference_mode()
    def predict_noise(self, z: Tensor, level: Tensor, conditioning: Recordings) -> Tensor:
        """Return the predicted noise, float32 (B, c, h, w), without guidance: see `Denoiser`."""
        latents = self.levels.latents(sent(z.float(), self.device), level)
        looped = self._grid.pack(latents).to(self.weights)
        output = torch.empty_like(looped, dtype=torch.float32)
        for number, group in enumerate(conditioning.groups):
            rows = (conditioning.place[:, 0] == number).nonzero().flatten()
            if len(rows):
                text = conditioning.place[rows, 1]
                alike = Alike.of(z[rows], level[rows], text)
                shares = self.shares and alike.kinds and len(rows) >= TRIED
                shared = self._sharing(group, looped) if shares else None
                self._calling = rows
                with shared.between(alike.to(self.device)) if shared else nullcontext():
                    output[rows] = self._ask(group, text, looped[rows], level[rows])
        return self.levels.predicted_noise(self._grid.unpack(output), latents, level)

    def _ask(self, group: RecordedTexts, text: Tensor, looped: Tensor, level: Tensor) -> Tensor:
        """What the network returns for rows of packed latents, each under the text of `group` at `text`, float32."""
        times = self._manner.times([self.levels.times[place] for place in level.tolist()])
        found = self._answer(group.call(text, looped, times))
        return self._manner.answer(found).reshape(-1, *self._grid.looped).float()

    def _answer(self, call: RecordedCall) -> Any:
        """What the network returns for `call` in the precision that it computes in; times stay as they are."""
        if self.weights != self._loaded:
            values = call.values() if self._loaded == torch.float32 else {}
            times = {path: values[path] for path in self._manner.form.times if path in values}
            call = call.cast(self._loaded, self.weights).with_values(times)
        with torch.autocast(self.device.type, self.computes, enabled=self.computes != self.weights):
            return self.network(*call.args, **call.kwargs)

    def _sharing(self, group: RecordedTexts, like: Tensor) -> SharedWork | None:
        """What rows of a batch share, found out once: of TRIED rows, two latents under two texts of `group`."""
        if self._shared is None and group.count > 1:
            self._calling = torch.zeros(0, dtype=torch.int64)
            pick, text = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])
            looped = torch.randn(2, *like.shape[1:], generator=torch.Generator().manual_seed(0)).to(like)[pick]
            level = torch.tensor([round(share * len(self.levels.times)) for share in PROBED])[pick]
            alike = Alike.of(pick, level, text).to(self.device)
            close = CLOSE if self.computes == torch.float32 else ROUNDING * torch.finfo(self.computes).eps
            self._shared = SharedWork(self.network, lambda: self._ask(group, text, looped, level), alike, close)
        return self._shared

    @contextmanager
    def computing_in(self, dtype: torch.dtype) -> Iterator[None]:
        """Compute in `dtype` within it: with weights in it, or by autocast where these cannot be had."""
        before = self.computes, self.weights
        try:
            self._compute_in(dtype, dtype)
            yield
        finally:
            self._compute_in(*before)

    def lay_out(self, channels_last: bool) -> None:
        """Lay out the network's weights: see `Denoiser`."""
        self._weights.lay_out(channels_last)

    def _compute_in(self, dtype: torch.dtype, weights: torch.dtype) -> None:
        def ask() -> object:
            self.weights = weights
            with torch.inference_mode():
                return self._answer(self._record("a"))

        self.computes = dtype
        self.weights = self._weights.use(weights, ask)

    @torch.inference_mode()
    def attention(self, prompt: str, spans: Sequence[Span]) -> AttentionRecorder | None:
        """Return what records the attention to words of `prompt`: see `Denoiser`.

        None where the states of the text cannot be told from those of words.
        """
        with listening() as readings, embedding(self.pipeline) as given:
            call = self._record(prompt)
        layout = self._layout(call)
        if layout is None:
            return None
        counts = dict.fromkeys((layout.states, *self._filled(call)))

        def find(span: Span) -> list[int]:
            found = (places_among(states, readings, given, prompt, span) for states in counts)
            return next(filter(None, found), [])

        tokens = {prompt[slice(*span)]: find(span) for span in spans}
        if not all(tokens.values()):
            return None
        beside = [span for span in map(partial(find_word, prompt), prompt_words(prompt)) if not _touches(span, spans)]
        others = [places for places in map(find, beside) if places]
        return AttentionRecorder(self.network, tokens, layout, others=others, calling=lambda: self._calling)

    def _layout(self, call: RecordedCall) -> Layout | None:
        """Where the network looks at the text of `call`, found by changing its latents and the states of its text."""
        texts, values = self._texts(call), call.values()
        generator = torch.Generator().manual_seed(0)

        def ask(latents: bool, text: bool) -> None:
            changed = {}
            for path in [self._manner.form.latents] * latents + texts * text:
                noise = torch.randn(values[path].shape, generator=generator).to(values[path])
                changed[path] = values[path] + noise * (1 + values[path].std())
            self._answer(call.with_values(changed))

        form = self._manner.form
        lengths = tuple(values[path].shape[1 if form.row_of(path) == path else 0] for path in texts)
        if lengths not in self._layouts:
            self._layouts[lengths] = Layout.of(ask, lengths, self.latent_shape[1:]) if texts else None
        return self._layouts[lengths]

    def _filled(self, call: RecordedCall) -> list[int]:
        """How many states of the text of `call` there are before zeros fill it up, if it is one sequence."""
        values = call.values()
        texts = [values[path] for path in self._texts(call)]
        if len(texts) != 1:
            return []
        (states,) = texts
        return [int(states.flatten(2).any(2)[0].nonzero().max()) + 1] if states.dim() > 2 and states.any() else []

    def _texts(self, call: RecordedCall) -> list[Path]:
        """The ways to the sequences of states of the text of `call`."""
        form = self._manner.form

        def is_sequence(path: Path, value: Any) -> bool:
            if path in (form.latents, *form.times) or not (torch.is_tensor(value) and value.is_floating_point()):
                return False
            row = form.row_of(path)
            return row is not None and value.dim() >= (3 if row == path else 2)  # lists have no dimension of rows

        return [path for path, value in call.values().items() if is_sequence(path, value)]

    @torch.inference_mode()
    def generate(self, prompt: str, seeds: Sequence[int], guidance: float, steps: int) -> Tensor:
        """Return latents float32 (S, c, h, w); raises InputError if they are not finite."""
        looped = final_latents(
            self.pipeline,
            prompt=[prompt] * len(seeds),
            num_inference_steps=steps,
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
            **self._guided(guidance, len(seeds)),
        )
        latents = self._grid.unpack(looped).float().cpu()
        if not latents.isfinite().all():
            mend = "check its weights" if self.weights == torch.float32 else "use --dtype float32 or bfloat16"
            why = f"the images that it generates are not finite in {str(self.weights).removeprefix('torch.')}"
            raise InputError(f"model {self.name!r}", why, mend)
        return latents

    @torch.inference_mode()
    def encode_image(self, image: np.ndarray) -> Tensor:
        """Return the mode of the latent of an image, float32 (1, c, h, w); raises InputError as `decode` does."""
        return self._autoencoder.encode(image)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        """Return images uint8 (S, H, W, 3), computed in float32 where half precision overflows: see `Denoiser`."""
        return self._autoencoder.decode(latents)

    @torch.inference_mode()
    def own_predictions(self, prompt: str) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield noisy latents, level and noise of two steps of the pipeline's own call: see `Adapter`."""
        for seed, share in enumerate(OWN):
            place = round(share * len(self.levels.times))
            level = torch.tensor([place])
            _, _, step = self._manner.recorder.step([prompt], self.levels.times[place], seed)
            latents = self._grid.unpack(step.latents).float()
            noise = self.levels.predicted_noise(self._grid.unpack(step.output).float(), latents, level)
            scale = self.levels.latents(torch.ones(1, 1, 1, 1), level)
            yield latents.cpu() / scale, level, noise.cpu()

    def _record(self, text: str) -> RecordedCall:
        """The call for one text, with what training showed for no text where there is none."""
        time = self.levels.times[len(self.levels.times) // 2]
        if text or self._nothing == "":
            return self._manner.recorder.call([text], time)
        if self._nothing is not None:
            return self._manner.recorder.call([self._nothing], time)
        empty, other = (self._manner.recorder.call([each], time) for each in ("", "a"))
        values = empty.values()
        return empty.with_values({path: torch.zeros_like(values[path]) for path in changed(empty, other)})

    @cached_property
    def _nothing(self) -> str | None:
        """The text that stands for none, None where its states are zeros."""
        if self.family.zeros and self.pipeline.config.get("force_zeros_for_empty_prompt", False):
            return None
        return self.family.nothing

    def _guided(self, guidance: float, count: int) -> dict[str, Any]:
        """What the pipeline's call is told of `guidance`, for `count` images."""
        if guidance == UNGUIDED:
            return dict(self._manner.recorder.options)
        there = parameters(self.pipeline)
        name = families.guidance_option(type(self.pipeline))
        if name not in there:
            raise InputError(f"guidance {guidance:g}", f"{type(self.pipeline).__name__} takes none", "use --guidance 1")
        negative = {"negative_prompt": [self.family.nothing] * count} if name == "true_cfg_scale" else {}
        return {**self._options, name: guidance, **{key: each for key, each in negative.items() if key in there}}


def _touches(span: Span, others: Sequence[Span]) -> bool:
    return any(span.start < other.stop and other.start < span.stop for other in others)


def _is_told_guidance(network: Any) -> bool:
    return bool(network.config.get("guidance_embeds")) or network.config.get("time_cond_proj_dim") is not None


def _size_options(pipeline: DiffusionPipeline, network: Any, size: tuple[int, int] | None) -> dict[str, Any]:
    own = network.config.get("sample_size")
    options: dict[str, Any] = {}
    if size is not None:
        options = {"width": size[0], "height": size[1]}
    elif isinstance(own, (list, tuple)):
        height, width = (side * pipeline.vae_scale_factor for side in own)
        options = {"width": width, "height": height}
    return options | dict.fromkeys(PLAIN & parameters(pipeline).keys(), False)
