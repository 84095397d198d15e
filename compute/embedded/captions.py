"""What can be said of a picture, and how often it is: the words, their tokenizer, the forms of captions."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise, permutations, product

from tokenizers import pre_tokenizers
from transformers import CLIPTokenizer

from compute.embedded.pictures import TrainingPicture, definitions

LENGTH = 16  # tokens of a caption, start and end included
GENDER_WORDS = (0.85, 0.15)  # male, man: how often each is said
ROLE_NAMES = (0.6, 0.4)  # cook, chef
Uses = Iterator[tuple[str, float]]  # captions of one picture and how often each is said of it, relative to the others


def with_article(phrase: str) -> str:
    """`phrase` behind its indefinite article."""
    return f"{'an' if phrase[0] in 'aeio' else 'a'} {phrase}"


def words() -> list[str]:
    """Every word that a caption can contain, sorted: the vocabulary that the model has seen."""
    given = definitions()
    phrases: list[str] = ["a", "an", "and", "with", "skin"]
    phrases += given["words"]["tone"]
    for names in given["words"]["gender"].values():
        phrases += names
    for role, entry in given["roles"].items():
        phrases += [role, entry.get("synonym", role)]
    for group in ("people", "animals", "food", "objects"):
        phrases += [phrase for names in given[group].values() for phrase in names]
    for shape, colours in given["shapes"].items():
        phrases += [shape, *colours]
    return sorted({word for phrase in phrases for word in phrase.split()})


def tokenizer() -> CLIPTokenizer:
    """A CLIP tokenizer in which each of `words` is one token and any other text falls into pieces.

    It is always the same: processes that train together, and the pipeline that is saved, have to agree on every token.
    """
    merges = _merges(words())
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*alphabet, *(f"{byte}</w>" for byte in alphabet), *map("".join, merges)]
    complete = dict.fromkeys([*pieces, "<|startoftext|>", "<|endoftext|>"])
    vocabulary = {token: index for index, token in enumerate(complete)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=LENGTH)


def _merges(whole: Sequence[str]) -> list[tuple[str, str]]:
    """Byte-pair merges, the commonest pair first, then by the alphabet, until each word is whole."""
    pieces = [[*word[:-1], f"{word[-1]}</w>"] for word in whole]
    merges = []
    while counts := Counter(pair for word in pieces for pair in pairwise(word)):
        merges.append(min(counts, key=lambda pair: (-counts[pair], pair)))
        pieces = [_merged(word, merges[-1]) for word in pieces]
    return merges


def _merged(word: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for piece in word:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def of_picture(picture: TrainingPicture) -> Uses:
    """What is said of a single picture, the full description first."""
    kinds = {"role": _of_person, "shapes": _of_shape}
    yield from kinds.get(picture.group, _of_object)(picture)
    yield from _of_anything()


def of_scene(left: TrainingPicture, right: TrainingPicture) -> Uses:
    """What is said of two objects side by side: the left one is named first; words of either may be missing."""
    both = [with_article(part.full_name) for part in (left, right)]
    first, second = (phrase.split()[0] for phrase in both)  # articles stay where their words are taken out
    yield " and ".join(both), 4
    yield f"{left.full_name} {right.full_name}", 0.7
    yield f"{first} and {both[1]}", 0.5
    yield f"{both[0]} and {second}", 0.5
    yield f"{first} and {second}", 0.3
    _, *partial = product(_names(left), _names(right))
    for named in partial:
        yield " and ".join(map(with_article, named)), 1 / len(partial)
        yield " ".join(named), 0.3 / len(partial)
    yield from _of_anything()


def _other_article(phrase: str) -> str:
    """`phrase` behind the article of a word that was taken out before it."""
    article, _ = with_article(phrase).split(maxsplit=1)
    return f"{'a' if article == 'an' else 'an'} {phrase}"


def _of_anything() -> Uses:
    yield "", 0.7
    yield "a", 0.6
    yield "an", 0.1


def _of_person(picture: TrainingPicture) -> Uses:
    words = definitions()["words"]["gender"][picture.gender]
    tone, names = f"{picture.tone} skin", picture.phrases
    for (word, said), (name, called) in product(_shared(words, GENDER_WORDS), _shared(names, ROLE_NAMES)):
        yield f"a {word} {name} with {tone}", 3 * said * called
        yield f"a {word} {name}", 2 * said * called
        yield f"{word} {name}", said * called
    for name, called in _shared(names, ROLE_NAMES):
        yield with_article(name), 2 * called
        yield _other_article(name), 0.2 * called
        yield name, called
        yield f"{with_article(name)} with {tone}", 1.5 * called
        yield f"{name} {tone}", 0.5 * called
        yield f"{with_article(name).split()[0]} with {tone}", 0.3 * called
        yield f"{with_article(name)} with", 0.3 * called
        yield f"{with_article(name).split()[0]} with", 0.2 * called
    for word, said in _shared(words, GENDER_WORDS):
        yield f"a {word}", 0.5 * said
        yield word, 0.5 * said
    yield tone, 0.5
    yield from _both_names(names)


def _of_shape(picture: TrainingPicture) -> Uses:
    yield with_article(picture.full_name), 3
    yield picture.full_name, 1
    for word, said in ((picture.phrases[0], 0.7), (str(picture.colour), 0.5)):
        yield with_article(word), said
        yield word, 0.5


def _of_object(picture: TrainingPicture) -> Uses:
    """A two-word name may also lose its second word, as a homonym does when its meaning is asked for."""
    for phrase in picture.phrases:
        yield with_article(phrase), 3 / len(picture.phrases)
        yield _other_article(phrase), 0.2 / len(picture.phrases)
        yield phrase, 2 / len(picture.phrases)
        if " " in phrase:
            yield with_article(phrase.split()[0]), 0.5
            yield phrase.split()[0], 0.5
    yield from _both_names(picture.phrases)


def _both_names(names: tuple[str, ...]) -> Uses:
    for one, other in permutations(names, 2):
        if not {*one.split()} & {*other.split()}:
            yield f"{one} {other}", 0.4


def _shared(words: Sequence[str], shares: Sequence[float]) -> list[tuple[str, float]]:
    """Words with how often each is taken; a single one always."""
    return list(zip(words, shares if len(words) > 1 else (1.0,), strict=True))


def _names(picture: TrainingPicture) -> tuple[str, ...]:
    """How a scene may call one of its objects, the full name first."""
    return (picture.full_name, picture.phrases[0], picture.colour) if picture.colour else (picture.full_name,)
