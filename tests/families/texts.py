"""Tiny random text encoders with their tokenizers, of the kinds that pipelines read prompts with."""

import string

from tokenizers import pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Gemma2Config,
    Gemma2Model,
    GemmaConfig,
    GemmaModel,
    GemmaTokenizer,
    GlmConfig,
    GlmModel,
    PreTrainedTokenizerFast,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
    UMT5Config,
    UMT5EncoderModel,
)

LETTERS = string.ascii_letters + string.digits + string.punctuation
WIDTH = 16
SMALL = {"hidden_size": WIDTH, "intermediate_size": WIDTH, "num_attention_heads": 2, "num_hidden_layers": 2}
GROUPED = {"num_key_value_heads": 1, "head_dim": 8}
CHAT = "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}{% endfor %}"


def clip_tokenizer() -> CLIPTokenizer:
    """One token a letter, 77 of them."""
    letters = string.ascii_lowercase + string.digits + string.punctuation
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=77)


def clip(projected: bool = False) -> CLIPTextModel | CLIPTextModelWithProjection:
    """A CLIP text encoder, 16 wide."""
    words = clip_tokenizer()
    special = {f"{name}_token_id": getattr(words, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    config = CLIPTextConfig(vocab_size=len(words), max_position_embeddings=77, projection_dim=WIDTH, **SMALL, **special)
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def t5_tokenizer() -> T5Tokenizer:
    """One token a letter, by T5's kind of pieces."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in LETTERS)]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=512)


def t5(kind: type = T5EncoderModel, width: int = WIDTH) -> T5EncoderModel | UMT5EncoderModel:
    """A T5 or UMT5 encoder."""
    config = {T5EncoderModel: T5Config, UMT5EncoderModel: UMT5Config}[kind]
    return kind(config(vocab_size=len(t5_tokenizer()), d_model=width, d_kv=8, d_ff=WIDTH, num_layers=2, num_heads=2))


def gemma_tokenizer() -> GemmaTokenizer:
    """One token a letter, by Gemma's kind of pieces."""
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *LETTERS]
    words = GemmaTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=512)
    return _starting_with("<bos>", words)


def _starting_with(special: str, words):
    words.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{special} $A", special_tokens=[(special, words.convert_tokens_to_ids(special))]
    )
    return words


def gemma(second: bool = True) -> Gemma2Model | GemmaModel:
    """A Gemma or Gemma 2 model, 16 wide."""
    config = {"vocab_size": len(gemma_tokenizer()), **SMALL, **GROUPED}
    return Gemma2Model(Gemma2Config(**config)) if second else GemmaModel(GemmaConfig(**config))


def _byte_vocabulary(*special: str) -> dict[str, int]:
    return {token: i for i, token in enumerate([*special, *sorted(pre_tokenizers.ByteLevel.alphabet())])}


def qwen_tokenizer() -> Qwen2Tokenizer:
    """One token a byte, with a template for conversations."""
    words = Qwen2Tokenizer(vocab=_byte_vocabulary("<|endoftext|>"), merges=[], model_max_length=512)
    words.chat_template = CHAT
    return words


def qwen(layers: int = 2, head: bool = False) -> Qwen3Model | Qwen3ForCausalLM:
    """A Qwen 3 model, 16 wide."""
    kind = Qwen3ForCausalLM if head else Qwen3Model
    sizes = SMALL | GROUPED | {"num_hidden_layers": layers}
    return kind(Qwen3Config(vocab_size=len(qwen_tokenizer()), **sizes))


def glm_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte."""
    words = PreTrainedTokenizerFast(
        tokenizer_object=qwen_tokenizer().backend_tokenizer,
        pad_token="<|endoftext|>",
        eos_token="<|endoftext|>",
        model_max_length=512,
    )
    return _starting_with("<|endoftext|>", words)


def glm() -> GlmModel:
    """A GLM model, 16 wide."""
    return GlmModel(GlmConfig(vocab_size=len(glm_tokenizer()), pad_token_id=0, **SMALL, **GROUPED))


def bert_tokenizer() -> BertTokenizer:
    """One token a letter."""
    letters = string.ascii_lowercase + string.digits + string.punctuation
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    return BertTokenizer(vocab={token: i for i, token in enumerate(tokens)}, model_max_length=77)


def bert() -> BertModel:
    """A BERT model, 16 wide."""
    return BertModel(BertConfig(vocab_size=len(bert_tokenizer()), **SMALL))
