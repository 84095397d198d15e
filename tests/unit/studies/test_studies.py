import re
import tomllib
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from store import studies, tables
from store.errors import InputError
from store.prompts.wording import article, fill, swapped, without
from store.records import Label, Probe, TokenPair
from store.studies import published
from store.studies.bias import couples

ROOT = Path(__file__).parents[3]
EMBEDDED = ROOT / "compute" / "embedded"
REAL = {
    "gender": (188, 3 * 188),
    "ethnicity": (188, 5 * 188),
    "homonyms": (31, 31),
    "synonyms": (12, 12),
    "cohyponyms": (12, 12),
    "intervention": (24, 72),
    "uniqueness": (12, 12),
}
SHIPPED = studies.names()
OF_PAIRS = [name for name in SHIPPED if studies.load(name).kind == "pairs"]

HEAD = 'title = "T"\nquestion = "Q?"\n'
BIAS = HEAD + 'kind = "bias"\ntemplate = "a {attribute} {subject}"\n'
WORDS = 'attributes = ["old", "new"]\n'
SUBJECTS = 'subjects = ["engine", "wheel"]\n'
PAIRS = HEAD + 'kind = "pairs"\n[[sentence]]\nprompt = "a cat on a mat"\n'
CHANGE = HEAD + 'kind = "intervention"\n[[sentence]]\nprompt = "a cat and a dog"\nword = "cat"\n'


def written(folder: Path, content: str, name: str = "mine") -> Path:
    file = folder / f"{name}.toml"
    file.write_text(content, encoding="utf-8")
    return file


def load(folder: Path, content: str) -> studies.Study:
    return studies.load(written(folder, content))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_study_expands_into_prompts_whose_words_stand_in_them(name):
    loaded = studies.load(name)
    items = loaded.expand()
    assert loaded.name == name
    assert loaded.question.endswith("?")
    assert len({item.prompt for item in items}) == len(items)
    for item in items:
        assert item.pairs
        assert set(item.labels) == set(item.pairs)
        for pair in item.pairs:
            assert pair.prompt == item.prompt
            assert pair.words[0].casefold() != pair.words[1].casefold()
            assert all(label.study.partition(":")[0] == name for label in item.labels[pair])
            if isinstance(pair, TokenPair):
                assert all(f" {word} " in f" {item.prompt} " for word in pair.words)


@pytest.mark.parametrize("name", SHIPPED)
def test_articles_are_right_in_every_shipped_prompt(name):
    for item in studies.load(name).expand():
        for given, word in re.findall(r"\b(an?) (\w+)", item.prompt):
            assert given == article(word) or word == "and", item.prompt  # "and" follows where a word was taken out


@pytest.mark.parametrize("name", REAL)
def test_studies_of_real_models_have_the_counts_that_they_promise(name):
    loaded = studies.load(name)
    assert (loaded.size, len(loaded.expand())) == REAL[name]
    assert loaded.model == ""


def test_every_kind_of_question_has_a_study_of_the_embedded_model():
    expected = {f"embedded-{name}" for name in (*REAL, "tone")} - {"embedded-ethnicity"}
    assert {*SHIPPED} == {*REAL} | expected
    assert all(studies.load(name).model == "embedded" for name in expected)


@pytest.mark.parametrize("name", [name for name in SHIPPED if name.startswith("embedded-")])
def test_studies_of_the_embedded_model_say_only_what_it_was_taught(name):
    vocabulary = set((EMBEDDED / "weights" / "vocabulary.txt").read_text().split())
    tokenizer = Tokenizer.from_file(str(EMBEDDED / "weights" / "tokenizer" / "tokenizer.json"))
    loaded = studies.load(name)
    assert set(loaded.words) <= vocabulary
    for item in loaded.expand():
        assert len(tokenizer.encode(item.prompt).ids) <= 16
        for given, word in re.findall(r"\b(an?) (\w+)", item.prompt):
            assert word == "and" or given == ("an" if word[0] in "aeio" else "a")  # as its captions have it


def test_the_embedded_roles_are_all_that_were_planted():
    roles = tomllib.loads((EMBEDDED / "pictures.toml").read_text())["roles"]
    for name in ("embedded-gender", "embedded-tone"):
        assert set(studies.load(name).content.subjects) == set(roles)


def test_gender_and_ethnicity_share_their_occupations_and_have_each_once():
    gender, ethnicity = studies.load("gender").content.subjects, studies.load("ethnicity").content.subjects
    assert gender == ethnicity
    assert len(gender) == len(set(gender)) == 188
    assert set(studies.load("gender").published.values) | set(studies.load("ethnicity").published.values) <= set(gender)


@pytest.mark.parametrize(
    ("name", "subject", "values"),
    [
        ("gender", "police officer", {"male": 0.390, "female": 0.091}),
        ("gender", "average", {"male": 0.286, "female": 0.194}),
        ("ethnicity", "butcher", {"black": 0.110, "asian": 0.179, "caucasian": 0.474, "hispanic": 0.396}),
        ("ethnicity", "average", {"black": 0.133, "asian": 0.233, "caucasian": 0.255, "hispanic": 0.236}),
    ],
)
def test_published_values_are_a_frame_that_says_whose_they_are(name, subject, values):
    frame = studies.load(name).published.frame
    assert frame.loc[subject].to_dict() == values
    assert "NeurIPS 2024" in frame.attrs["source"]
    assert "not one that was measured here" in frame.attrs["model"]
    assert "normalised" in frame.attrs["quantity"]
    assert frame.index[-1] == published.AVERAGE == tables.AVERAGE


@pytest.mark.parametrize("name", ["homonyms", "embedded-homonyms"])
def test_every_homonym_has_two_senses_or_more(name):
    senses: dict[str, set[str]] = {}
    for sentence in studies.load(name).content.sentences:
        senses.setdefault(sentence.subject, set()).add(sentence.group)
    assert len(senses) >= (12 if name == "homonyms" else 4)
    assert all(len(found) >= 2 for found in senses.values())
    assert {"bat", *(("bowl", "mole") if name == "homonyms" else ())} <= set(senses)


@pytest.mark.parametrize("name", [name for name in OF_PAIRS if "homonyms" not in name])
def test_subjects_come_first_so_that_first_and_unique_first_are_about_them(name):
    sentences = studies.load(name).content.sentences
    assert [sentence.pair.words[0] for sentence in sentences] == [sentence.subject for sentence in sentences]
    assert len({sentence.subject for sentence in sentences}) == len(sentences) >= 12


@pytest.mark.parametrize("name", ["synonyms", "cohyponyms", "embedded-synonyms", "embedded-cohyponyms"])
def test_every_likeness_is_held_against_an_unrelated_word(name):
    assert all(sentence.control for sentence in studies.load(name).content.sentences)


@pytest.mark.parametrize("name", ["intervention", "embedded-intervention"])
def test_every_intervention_takes_another_word_out_and_swaps_it(name):
    changes = studies.load(name).content.changes
    assert len({change.word for change in changes}) == 24
    for change in changes:
        first, second = change.pair.first, change.pair.second
        assert change.removed in (without(change.pair.prompt, first), without(change.pair.prompt, second))
        assert change.swap in change.swapped


def test_a_bias_study_asks_each_attribute_and_the_neutral_image_about_all():
    male, female, neutral = studies.load("gender").expand(limit=1)
    assert (male.prompt, female.prompt) == ("a photo of a male doctor", "a photo of a female doctor")
    assert male.labels == {TokenPair.find(male.prompt, "male", "doctor"): (Label("gender", "male", "doctor"),)}
    assert neutral.prompt == "a photo of a doctor"
    assert neutral.labels == {
        Probe(neutral.prompt, ("male", "doctor")): (Label("gender:neutral", "male", "doctor"),),
        Probe(neutral.prompt, ("female", "doctor")): (Label("gender:neutral", "female", "doctor"),),
        Probe(neutral.prompt, ("male", "female")): (Label("gender:between", "male+female", "doctor"),),
    }


def test_probes_name_their_words_in_the_order_of_the_template():
    *_, neutral = studies.load("embedded-tone").expand(limit=1)
    assert neutral.pairs[0].words == ("doctor", "light skin")


@pytest.mark.parametrize(
    ("words", "expected"),
    [("ab", ["ab"]), ("abc", ["ab", "ac"]), ("abcd", ["ab", "cd"]), ("abcde", ["ab", "cd", "ae"])],
)
def test_attributes_are_asked_in_the_fewest_pairs_that_hold_each(words, expected):
    assert ["".join(couple) for couple in couples(tuple(words))] == expected


def test_pairs_carry_sense_and_subject_and_controls_the_group_control(tmp_path):
    (item,) = load(tmp_path, PAIRS + 'pair = ["mat", "cat"]\nsense = "rug"\ncontrol = "on"\n').expand()
    assert item.labels == {
        TokenPair.find(item.prompt, "cat", "mat"): (Label("mine", "rug", "mat"),),
        TokenPair.find(item.prompt, "on", "mat"): (Label("mine", "control", "mat"),),
    }


def test_sentences_of_one_prompt_are_one_item_with_all_pairs(tmp_path):
    more = '[[sentence]]\nprompt = "a cat on a mat"\nprobe = ["cat", "dog"]\ngroup = "pet"\n'
    (item,) = load(tmp_path, PAIRS + 'pair = ["cat", "mat"]\ngroup = "indoors"\n' + more).expand()
    assert [pair.name for pair in item.pairs] == ["cat+mat", "cat+dog"]


def test_an_intervention_asks_changed_images_what_is_left_of_the_words(tmp_path):
    original, removed, changed = load(tmp_path, CHANGE + 'beside = "dog"\nswap = "ape"\n').expand()
    assert original.labels == {TokenPair.find("a cat and a dog", "cat", "dog"): (Label("mine", "original", "cat"),)}
    assert removed.labels == {Probe("a and a dog", ("cat", "dog")): (Label("mine", "removed", "cat"),)}
    assert changed.labels == {Probe("an ape and a dog", ("cat", "dog")): (Label("mine", "swapped", "cat"),)}
    without_swap = load(tmp_path, CHANGE + 'beside = "dog"\n')
    assert [item.prompt for item in without_swap.expand()] == ["a cat and a dog", "a and a dog"]


@pytest.mark.parametrize("name", SHIPPED)
def test_expansion_is_stable_and_a_limit_takes_its_beginning(name):
    loaded = studies.load(name)
    everything = loaded.expand()
    assert everything == studies.load(name).expand() == loaded.expand(loaded.size)
    begun = loaded.expand(limit=2)
    assert [item.prompt for item in begun] == [item.prompt for item in everything[: len(begun)]]
    assert len(begun) < len(everything)


def test_a_limit_below_one_is_refused():
    with pytest.raises(InputError, match="limit 0"):
        studies.load("homonyms").expand(limit=0)


def test_a_study_of_ones_own_has_defaults_and_lists_in_text_files(tmp_path):
    (tmp_path / "things.txt").write_text("\ufeff# comment\n\nice cube\nengine\n", encoding="utf-8")
    mine = load(tmp_path, BIAS + WORDS + 'subjects_from = "things.txt"\n')
    assert (mine.name, mine.model, mine.seeds, mine.guidance, mine.noises) == ("mine", "", (0, 1, 2, 3), None, 256)
    assert [item.prompt for item in mine.expand()] == [
        "an old ice cube",
        "a new ice cube",
        "an old engine",
        "a new engine",
    ]
    assert mine.words == ("an", "old", "ice", "cube", "a", "new", "engine")
    assert load(tmp_path, BIAS + WORDS + 'subjects_from = "occupations.txt"\n').size == 188
    assert load(tmp_path, "seeds = [7, 2]\n" + BIAS + WORDS + SUBJECTS).seeds == (7, 2)


def test_studies_are_found_beside_the_store(tmp_path):
    (tmp_path / "studies").mkdir()
    written(tmp_path / "studies", BIAS + WORDS + SUBJECTS)
    store = tmp_path / "results"
    assert studies.names(store) == [*SHIPPED, "mine"]
    assert studies.load("mine", store) == studies.load(tmp_path / "studies" / "mine.toml")
    assert studies.names(ROOT / "store" / "demo") == SHIPPED
    written(tmp_path / "studies", BIAS + WORDS + SUBJECTS, "gender")
    with pytest.raises(InputError, match="gender.*rename"):
        studies.load("gender", store)


@pytest.mark.parametrize("name", ["mi ne", "my:study"])
def test_names_that_labels_could_not_carry_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="rename"):
        studies.load(written(tmp_path, BIAS + WORDS + SUBJECTS, name))


PLANTED = "[planted]\nsource = 's'\nimages = 10\n"

PLACED = {
    "title": ("kind = 'bias'", "title: missing"),
    "not TOML": ("title = 'x'\nquestion =\n", "line 2"),
    "kind": (HEAD + "kind = 'bais'", r"kind: 'bais' is not known; use one of bias, pairs, intervention"),
    "unknown key": (BIAS + WORDS + SUBJECTS + "seed = 3", "seed: no such key here; did you mean seeds"),
    "key of another kind": (BIAS + WORDS + SUBJECTS + "prompt = 'x'", "prompt: no such key here; use one of title"),
    "misspelt key": (BIAS + 'atributes = ["a", "b"]\n' + SUBJECTS, "attributes: missing; rename atributes"),
    "text": (BIAS.replace('"T"', "3"), "title: 3 is not a text"),
    "two lines": (BIAS.replace('"T"', '"""T\nU"""'), "title: .*lines too many"),
    "list": (BIAS + 'attributes = "old"\n' + SUBJECTS, "attributes: 'old' is not a list"),
    "empty list": (BIAS + "attributes = []\n" + SUBJECTS, "attributes: the list is empty"),
    "one attribute": (BIAS + 'attributes = ["old"]\n' + SUBJECTS, "attributes: too few"),
    "entry": (BIAS + 'attributes = ["old", 3]\n' + SUBJECTS, "attributes, entry 2: 3 is not a text"),
    "subjects twice": (BIAS + WORDS + 'subjects = ["car", "Car"]', "subjects: 'Car' is there twice"),
    "no subjects": (BIAS + WORDS, "subjects: missing; write subjects or subjects_from"),
    "both": (BIAS + WORDS + SUBJECTS + "subjects_from = 'x.txt'", "subjects_from: subjects is there too"),
    "no list": (BIAS + WORDS + "subjects_from = 'x.txt'", r"x\.txt: cannot be read"),
    "average": (BIAS + WORDS + "subjects = ['average']", "subjects: .*row of averages"),
    "template": (BIAS.replace("{subject}", "car") + WORDS + SUBJECTS, r"template: .*\{attribute\}, \{subject\}"),
    "braces": (BIAS.replace("a {", "a } {") + WORDS + SUBJECTS, "template: .*no other braces"),
    "subject is attribute": (BIAS + WORDS + "subjects = ['old']", "template: pair .*itself"),
    "word twice": (BIAS + WORDS + "subjects = ['old car']", "template: word 'old': twice in 'an old old car'"),
    "neutral": (BIAS + WORDS + SUBJECTS + "[neutral]\ntemplate = 'a thing'", "neutral: template: "),
    "attribute in neutral": (BIAS + WORDS + SUBJECTS + "[neutral]\ntemplate = 'an old {subject}'", "template: probe"),
    "seeds": (BIAS + WORDS + SUBJECTS + "seeds = [1, 1]", "seeds: not a list of different numbers"),
    "no seeds": (BIAS + WORDS + SUBJECTS + "seeds = 0", "seeds: 0 is no number from 1"),
    "half a noise": (BIAS + WORDS + SUBJECTS + "noises = 64.5", "noises: 64.5 is no whole number"),
    "guidance": (BIAS + WORDS + SUBJECTS + "guidance = true", "guidance: True is no number"),
    "published": (BIAS + WORDS + SUBJECTS + "[published]\nsource = 'x'", "published: table: missing"),
    "planted": (BIAS + WORDS + SUBJECTS + PLANTED + "taught.ship = { old = 0, new = 1 }", "ship: no subject"),
    "no share": (
        BIAS + WORDS + SUBJECTS + PLANTED + "taught.wheel = { old = 2, new = 1 }",
        "old: 2 is no number from 0 to 1",
    ),
    "no sentence": (HEAD + "kind = 'pairs'", r"sentence: missing; add one under a line \[\[sentence\]\]"),
    "one table": (HEAD + "kind = 'pairs'\n[sentence]\nprompt = 'x'", r"sentence: not a list of tables"),
    "empty": (HEAD + "kind = 'pairs'\nsentence = []", "sentence: the list is empty"),
    "no pair": (PAIRS + "group = 'g'", "sentence 1: pair: missing; write pair or probe"),
    "three words": (PAIRS + "pair = ['cat', 'on', 'mat']\ngroup = 'g'", "sentence 1: pair: 3 words"),
    "same word": (PAIRS + "pair = ['cat', 'Cat']\ngroup = 'g'", "sentence 1: pair: 'Cat' is there twice"),
    "absent": (PAIRS + "pair = ['cat', 'dog']\ngroup = 'g'", "sentence 1: pair: word 'dog': not in the prompt"),
    "ambiguous": (PAIRS + "pair = ['a', 'mat']\ngroup = 'g'", "sentence 1: pair: word 'a': twice"),
    "probe": (PAIRS + "probe = ['cat', 'mat']\ngroup = 'g'", "sentence 1: probe: .*ask for them as a pair"),
    "no group": (PAIRS + "pair = ['cat', 'mat']", "sentence 1: sense: missing; write sense or group"),
    "control": (PAIRS + "pair = ['cat', 'mat']\ngroup = 'g'\ncontrol = 'dog'", "sentence 1: control: word 'dog'"),
    "control of the pair": (PAIRS + "pair = ['cat', 'mat']\ngroup = 'g'\ncontrol = 'mat'", "control: a word of the"),
    "key in sentence": (PAIRS + "pair = ['cat', 'mat']\ngroup = 'g'\nnote = 'x'", "sentence 1: note: no such key"),
    "beside": (CHANGE, "sentence 1: beside: missing"),
    "beside itself": (CHANGE + "beside = 'cat'", "sentence 1: word: pair .*itself"),
    "swap": (CHANGE + "beside = 'dog'\nswap = 'dog'", "sentence 1: swap: 'dog' is in the prompt already"),
    "swap keeps the word": (CHANGE + "beside = 'dog'\nswap = 'wild cat'", "sentence 1: swap: probe"),
}


@pytest.mark.parametrize(("content", "said"), PLACED.values(), ids=PLACED)
def test_what_is_wrong_is_said_with_file_place_cause_and_mend(tmp_path, content, said):
    with pytest.raises(InputError, match=said) as caught:
        load(tmp_path, content)
    assert str(tmp_path) in str(caught.value)
    assert caught.value.cause
    assert caught.value.mend


@pytest.mark.parametrize(
    "repeated", [PAIRS + 'pair = ["cat", "mat"]\ngroup = "g"\n', CHANGE + 'beside = "dog"\n'], ids=["pairs", "changes"]
)
def test_a_sentence_asked_twice_is_refused(tmp_path, repeated):
    again = repeated[repeated.index("[[sentence]]") :]
    with pytest.raises(InputError, match="sentence 2: prompt: asked the same as sentence 1"):
        load(tmp_path, repeated + again)


def test_a_line_twice_in_a_list_is_named_with_both_places(tmp_path):
    (tmp_path / "things.txt").write_text("# cars\ncar\n\nCAR\n")
    with pytest.raises(InputError, match=r"things\.txt, line 4: 'CAR' is in line 2 already"):
        load(tmp_path, BIAS + WORDS + "subjects_from = 'things.txt'")
    (tmp_path / "things.txt").write_text("# nothing\n")
    with pytest.raises(InputError, match="nothing is in it"):
        load(tmp_path, BIAS + WORDS + "subjects_from = 'things.txt'")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "values.ship = { old = 1, new = 2 }\naverage = { old = 1, new = 2 }",
            "values: ship: no subject of this study",
        ),
        ("values.wheel = { old = 1 }\naverage = { old = 1, new = 2 }", "wheel: new: missing"),
        ("values.wheel = { old = 1, new = 'x' }\naverage = { old = 1, new = 2 }", "wheel: new: 'x' is no number"),
        ("values.wheel = { old = 1, new = 2, raw = 3 }\naverage = { old = 1, new = 2 }", "wheel: raw: no such key"),
    ],
)
def test_published_values_must_fit_the_study(tmp_path, more, said):
    about = "[published]\nsource = 's'\ntable = 't'\nmodel = 'm'\nquantity = 'q'\n"
    with pytest.raises(InputError, match=f"published: .*{said}"):
        load(tmp_path, BIAS + WORDS + SUBJECTS + about + more)


def test_files_that_are_not_there_or_not_text_are_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml: cannot be read"):
        studies.load(tmp_path / "nowhere.toml")
    with pytest.raises(InputError, match="study 'genders': not known; name a .toml file or one of .*gender"):
        studies.load("genders")
    (tmp_path / "latin.toml").write_bytes('title = "é"'.encode("latin-1"))
    with pytest.raises(InputError, match="latin.toml: not text in UTF-8"):
        studies.load(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("given", "phrases"),
    [
        ("a", "doctor|european chef|uniform|unicorn|union|university|user|usual|utility worker|urologist|Ugandan"),
        ("a", "ukulele|one-legged stool|once famous singer|hotel|7-seater|180 degree turn|UX designer"),
        ("an", "asian engineer|umbrella|uninvited guest|unmade bed|upholsterer|urban planner|usher|uncle|onion|oven"),
        ("an", "hour|honest judge|heiress|8-year-old|11th floor|18-wheeler|MRI technician|HR manager|élite runner|eye"),
    ],
)
def test_the_article_follows_the_sound(given, phrases):
    assert {phrase: article(phrase) for phrase in phrases.split("|")} == dict.fromkeys(phrases.split("|"), given)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("a {attribute} {subject}", "an old hat"),
        ("A {attribute} {subject}", "An old hat"),
        ("an {subject}, an {attribute} one", "a hat, an old one"),
        ("the area {attribute} {subject}", "the area old hat"),
    ],
)
def test_articles_right_before_a_place_fit_themselves(template, expected):
    assert fill(template, attribute="old", subject="hat") == expected


def test_a_swap_mends_the_article_before_it_and_no_other():
    assert swapped("a dog and an owl", "owl", "cat") == "a dog and a cat"


def test_the_example_in_the_documentation_is_a_study(tmp_path):
    text = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    examples = [block for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if block.startswith("title")]
    assert len(examples) == 3
    assert {load(tmp_path, example).kind for example in examples} == {"bias", "pairs", "intervention"}
