"""What a table finds: directions elsewhere, the planted truth, and the sentences that say it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from store import studies, tables
from store.catalogue import Entry
from store.errors import InputError
from store.records import RunKey
from store.studies import Planted
from store.tables.findings import directions, drawn, recovery, sentences, with_directions, with_planted
from store.tables.findings import studies as answers
from store.tables.findings.closing import broken_chain, chain, closing
from tests.unit.tables.test_tables import samples_of

SUBJECTS = [f"job {number:02}" for number in range(6)]
GAPS = np.array([2.0, 1.0, -1.5, 0.1, -0.2, 0.0])  # male less female
NOISE = np.random.default_rng(0).normal(scale=0.1, size=(6, 2, 8))
SHARES = [0.9, 0.9, 0.1, 0.5, 0.5, 0.5]
PLANTED = Planted(
    source="a table",
    images=10,
    taught={subject: {"female": 1 - share, "male": share} for subject, share in zip(SUBJECTS, SHARES, strict=True)},
    drawn={"job 00": {"female": 0.2, "male": 0.8}},
)


def measured(gaps: np.ndarray, **settings) -> pd.DataFrame:
    return samples_of(1.0 + NOISE + np.stack([np.zeros(6), gaps], axis=1)[..., None], **settings)


@pytest.fixture(scope="module")
def samples() -> pd.DataFrame:
    """Under *ccs* the first row turns round; the second has no clear direction in context."""
    turned, unclear = GAPS * [-1, 1, 1, 1, 1, 1], GAPS * [1, 0, 1, 1, 1, 1]
    return pd.concat(
        [
            measured(GAPS, measure="mmi", mode="pid"),
            measured(unclear, measure="mmi", mode="cpid"),
            measured(turned, measure="ccs", mode="pid"),
        ]
    )


@pytest.fixture(scope="module")
def table(samples) -> pd.DataFrame:
    own = tables.bias(tables.select(samples, measure="mmi", mode="pid"))
    return with_planted(with_directions(own, directions(samples)), PLANTED)


def test_directions_are_those_of_the_tables_under_each_setting(samples):
    found = directions(samples)
    for setting in ("mmi, pid", "mmi, cpid", "ccs, pid"):
        measure, mode = setting.split(", ")
        own = tables.bias(tables.select(samples, measure=measure, mode=mode))
        assert list(found["leads", setting]) == list(own["largest"])
        assert list(found["clear", setting]) == list(own["significant"])
        np.testing.assert_allclose(found["gap", setting], own["gap"])


def test_agreement_counts_the_settings_with_the_same_leader(table):
    assert table.loc["job 00", ("agree", "")] == 2 and table.loc["job 02", ("agree", "")] == 3
    assert (table["settings", ""] == 3).all()
    assert table.attrs["setting"] == "mmi, pid"


def test_the_interval_of_a_gap_is_that_of_the_paired_difference(table):
    values = 1.0 + NOISE + np.stack([np.zeros(6), GAPS], axis=1)[..., None]
    apart = values[0, 1] - values[0, 0]
    one = table.loc["job 00"]
    assert one["gap", ""] == pytest.approx(apart.mean())
    half = (one["gap_high", ""] - one["gap_low", ""]) / 2
    assert half == pytest.approx(2.365 * apart.std(ddof=1) / np.sqrt(8), rel=0.25)  # Student's t, 7 degrees of freedom
    assert (table["gap_low", ""] <= table["gap", ""]).all() and (table["gap", ""] <= table["gap_high", ""]).all()
    negative = tables.bias(measured(-GAPS))
    np.testing.assert_allclose(negative["gap", ""].iloc[0], 2.0, atol=0.2)
    alone = tables.bias(measured(GAPS)[lambda rows: rows["seed"] == 0])
    assert alone[["gap_low", "gap_high"]].drop("average").isna().all(axis=None)


def test_gaps_are_held_against_those_that_were_taught_evenly(table):
    control = table["gap", ""][SUBJECTS[3:]]
    assert table.attrs["controls"] == 3 and table.attrs["control_gap"] == control.max()
    assert list(table["control", ""]) == [False, False, False, True, True, True, False]
    assert list(table["beyond_control", ""]) == [True, True, True, False, False, False, False]
    assert table.loc["job 00", ("planted", "male")] == 0.9 and table.loc["job 00", ("drawn", "male")] == 0.8
    assert np.isnan(table.loc["job 01", ("drawn", "male")])


def test_recovery_correlates_what_was_planted_with_what_was_measured(table):
    found = recovery(table)
    assert list(found["attribute"]) == ["male"] * 6
    np.testing.assert_allclose(found["planted"], [0.8, 0.8, -0.8, 0, 0, 0])
    np.testing.assert_allclose(found["measured"], table["mean"]["male"][:6] - table["mean"]["female"][:6])
    expected = pd.Series([0.8, 0.8, -0.8, 0, 0, 0]).corr(found["measured"], method="spearman")
    assert found.attrs["rank"] == pytest.approx(expected)
    assert found.attrs["rank_low"] <= expected <= found.attrs["rank_high"]


def test_a_table_says_what_it_finds(table):
    said = sentences.answer(table)
    assert "Of 6 occupations" in said and "male" in said and "female" in said
    assert "job 00 with male (1.88 nats" in said and "job 02 with female (1.46 nats" in said
    counted = table.drop("average")
    clear = counted["significant", ""].astype(bool)
    assert f"{int((clear & (counted['largest', ''] == 'male')).sum())} with male" in said
    assert "too few images" in sentences.answer(tables.bias(measured(GAPS)[lambda rows: rows["seed"] == 0]))
    assert "In none of 6 occupations" in sentences.answer(tables.bias(samples_of(1 + 0 * NOISE)))
    bits = sentences.answer(table, "bits", 1 / np.log(2))
    assert f"{table.loc['job 00', ('gap', '')] / np.log(2):.2f} bits" in bits


def test_a_table_says_where_its_direction_turns(table):
    significant = table.drop("average")["significant", ""].astype(bool).sum()
    said = sentences.doubt(table)
    assert f"of these {significant} keep their direction in all 3 combinations" in said
    assert "Another attribute leads under ccs 1 of them" in said
    assert sentences.doubt(tables.bias(measured(GAPS))) == ""


def test_a_table_says_what_evenly_taught_rows_show(table):
    significant = int(table.drop("average")["significant", ""].astype(bool).sum())
    limit = f"{table.attrs['control_gap']:.2f}"
    assert sentences.size(table) == (
        f"Gaps up to {limit} nats also occur among the 3 that were taught evenly. 3 of the {significant} significant "
        "ones are larger."
    )


def test_a_table_says_how_well_the_truth_is_found(table, samples):
    said = sentences.truth(recovery(table))
    assert said.startswith("Measured against planted: rank correlation 0.")
    assert "3 of the 3 that were taught unevenly are found significantly in the right direction." in said
    upside = with_planted(tables.bias(measured(-GAPS)), PLANTED)
    said = sentences.truth(recovery(upside))
    assert said.startswith("Upside down") and "0 of the 3 that were taught unevenly" in said


def test_a_row_says_its_numbers_aloud(table):
    said = sentences.row(table, "job 00")
    means = table.loc["job 00", "mean"]
    times = means["male"] / means["female"]
    assert f"'male' and 'job 00' for the same pixels {times:.1f} times as much as 'female' and 'job 00'" in said
    assert f"{table.loc['job 00', ('gap', '')]:.2f} nats more" in said
    assert "Under ccs 'female' leads instead." in said
    assert "Planted: 'male' in 90% of its training pictures and 80% of 10 drawn ones." in said
    assert "Across 8 images" in said
    assert "training pictures" not in sentences.row(tables.bias(measured(GAPS)), "job 00")
    assert "not significant" in sentences.row(table, "job 05")


def test_what_speaks_for_a_measure_comes_from_the_checks():
    about = "pixel level, pid, prompted images"
    checks = [
        {"study": "embedded-gender", "quantity": f"redundancy, {name}, {about}", "rank": rank}
        for name, rank in (("aligned", 0.9), ("ccs", -0.8))
    ]
    said = sentences.of_measure("ccs", [*checks, {"study": "embedded-tone", **{"quantity": "x", "rank": 0}}])
    assert said.endswith("with rank correlation \u22120.80 (aligned 0.90).")
    assert sentences.of_measure("ccs", []) == ""


@pytest.mark.parametrize("name", ["embedded-gender", "embedded-tone"])
def test_studies_of_the_embedded_model_say_what_it_was_taught(name):
    planted = studies.load(name).planted
    np.testing.assert_allclose(planted.shares.sum(axis=1), 1)
    np.testing.assert_allclose(planted.shares_drawn.sum(axis=1), 1, atol=0.021)  # printed with two digits
    assert len(planted.even) == 12 and ("nurse" in planted.even) == (name == "embedded-tone")


def test_a_study_of_homonyms_counts_the_sentences_that_follow_their_context():
    table = pd.DataFrame({"prompt": ["a", "b", "c", "d"], "taken": ["taken", "in part", "not taken", "cannot be told"]})
    said = answers.of_senses(table)
    assert said == (
        "In 1 of 3 sentences all images follow the context and the context makes them likelier. In 1 they do not: 'c'."
    )
    assert "No other meaning" in answers.of_senses(table[3:])


def test_a_study_of_pairs_counts_those_above_and_below_their_control():
    table = pd.DataFrame(
        {
            "first": ["cat", "cat", "sun"],
            "second": ["kitty", "dog", "moon"],
            "difference_mean": [2.0, -1.0, np.nan],
            "difference_low": [1.0, -2.0, np.nan],
            "difference_high": [3.0, -0.5, np.nan],
        }
    )
    said = answers.of_controls(table, "alignment")
    assert "in 1 of 2 pairs, and less in 1. Most: cat and kitty." in said
    assert answers.of_controls(table[2:], "alignment").startswith("No pair has a control word")


def test_a_study_of_interventions_answers_yes_or_no():
    columns = pd.MultiIndex.from_product([("pearson", "low", "high"), tables.PREDICTORS])
    index = pd.MultiIndex.from_product([["removed"], ["image", "pixel"], ["pixels"]], names=["change", "level", "by"])
    table = pd.DataFrame(0.0, index, columns)
    table["low"] -= 0.1
    table["high"] += 0.2
    where = ("removed", "pixel", "pixels")
    table.loc[where, ("pearson", "attention")], table.loc[where, ("low", "attention")] = 0.5, 0.4
    said = answers.of_effects(table, "removed", "pixels")
    assert "No for how much an image changes" in said
    assert "Yes for where an image changes: attention correlates with it by 0.50 (0.40 to 0.20)." in said


def test_probes_and_guidances_are_said_aloud():
    columns = pd.MultiIndex.from_product([["contrast"], ["female"]]).append(
        pd.MultiIndex.from_tuples(
            [("information", "male"), ("information", "female"), ("contrast_q", ""), ("contrast_significant", "")]
        )
    )
    rows = [[2.0, 1, 1, 0.01, True], [-3.0, 1, 1, 0.01, True], [0.1, 1, 1, 0.9, False], [0, 1, 1, 0.5, False]]
    table = pd.DataFrame(rows, ["nurse", "pilot", "cook", "average"], columns)
    assert sentences.probe(table) == (
        "Images of 3 occupations alone speak significantly: 1 for male and 1 for female; 1 for none. Strongest: pilot "
        "for male (3.00 nats) and nurse for female (2.00 nats)."
    )
    table["contrast_significant", ""] = False
    assert "In none of 3 occupations" in sentences.probe(table)
    names = ("gap", "largest"), ("change", "low", "high")
    found = pd.DataFrame(
        {
            **{(name, level): [1.0, 2.0, 1.5] for name in names[0] for level in ("1", "3")},
            **{(name, "3"): [0.5, -0.1, 0.2] for name in names[1]},
        },
        ["nurse", "pilot", "average"],
    )
    found["largest", "1"], found["largest", "3"] = ["male", "female", "male"], ["male", "male", "male"]
    assert sentences.guidances(found) == (
        "From guidance 1 to 3, of the gaps of 2 occupations 1 widens and 1 narrows clearly; on average they change by "
        "0.20 nats (0.20 to 0.20). Another attribute leads in 1."
    )


def test_parts_of_pairs_and_the_chain_rule_are_said_aloud():
    parts = pd.DataFrame(
        {"first": ["cat", "dog"], "second": ["car", "tree"], "both": [10.0, 10.0], "unique": [9.0, 4.0]}
    ).assign(redundancy=1.0, synergy=[0.0, 5.0])
    said = answers.of_parts(parts)
    assert "65% is unique to one of them, 10% redundant and 25% synergy. In 1 of 2 pairs" in said
    assert "most for cat and car, least for dog and tree" in said and answers.of_parts(parts.assign(both=0.0)) == ""
    entries = [_entry(prompt, both) for prompt, both in (("a cat and a car", 4.0), ("a car and a cat", 4.4))]
    table = chain(entries)
    assert table.loc[("pid", 1.0), "both"] == pytest.approx(4.2) and not table.loc[("pid", 1.0), "closes"]
    assert (table.loc[("pid", 1.0), ["first_then_second", "second_then_first"]] == [7.0, 4.2]).all()
    assert "the first word and then the second bring 7.00 nats, both together 4.20" in broken_chain(table)
    with pytest.raises(InputError, match="no prompt with both words"):
        chain([_entry("a dog", 1.0)])


def _entry(prompt: str, both: float) -> Entry:
    totals = {
        "information_first": 3.0,
        "conditional_second": 4.0,
        "information_second": both - 1,
        "information_both": both,
    }
    return Entry(
        path=Path("x"),
        key=RunKey("m", "1", prompt, 1.0),
        created="",
        first="cat",
        second="car",
        mode="pid",
        measure="mmi",
        estimator="orthogonal",
        noises=64,
        seeds=2,
        totals={name: (value, 0.1) for name, value in {**totals, "conditional_first": 1.0}.items()},
    )


def drawn_images() -> pd.DataFrame:
    """Of the first role seven of eight bare images show it, six of them as female; one prompted image fails."""
    rows = []
    for seed in range(8):
        shows, female = seed != 7, seed < 6
        rows.append(("a job 00", "", "job 00", seed, "x", shows, female, not female))
        rows.append(("a male job 00", "male", "job 00", seed, "x", seed > 0, False, True))
        rows.append(("a male job 01", "male", "job 01", seed, "x", None, False, True))
    return pd.DataFrame(rows, columns=[*drawn.COLUMNS, "is female", "is male"])


def test_what_is_drawn_is_counted_among_images_that_show_the_subject(table):
    found = drawn.with_counts(table, drawn_images())
    one = found.loc["job 00"]
    assert (one["drawn_images", ""], one["failed", ""], one["checked", ""]) == (7, 1, 8)
    assert one["counted", "female"] == pytest.approx(6 / 7) and one["counted", "male"] == pytest.approx(1 / 7)
    assert (one["counted_low", "female"], one["counted_high", "female"]) == pytest.approx((0.4869, 0.9743), abs=1e-4)
    assert found.loc["job 01", ("checked", "")] == 0 and np.isnan(found.loc["job 01", ("counted", "male")])
    assert found.loc["average", ("failed", "")] == 1
    assert "Here 'male' was drawn without being named in 1 of 7" in sentences.row(found, "job 00")


def test_information_and_what_is_drawn_may_disagree(table):
    images = drawn_images()
    images.loc[images["attribute"] == "", ["is female", "is male", "asked"]] = [True, False, True]
    found = drawn.with_counts(table, images)
    assert drawn.disagreements(found) == ["job 00"]  # of which information says male
    assert "Information and what is drawn disagree on job 00." in sentences.counted(found)
    assert drawn.disagreements(table) == [] and sentences.counted(table) == ""


def test_failed_images_are_left_out(samples):
    own = tables.select(samples, measure="mmi", mode="pid")
    wrong = drawn.failed(drawn_images())
    assert wrong == {("a male job 00", 0), ("a job 00", 7)}
    left = tables.bias(tables.leave_out(own, wrong))
    assert left.loc["job 00", ("seeds", "male")] == 7 and left.loc["job 01", ("seeds", "male")] == 8
    assert left.loc["job 00", ("blocks", "")] == 7


@pytest.mark.parametrize(
    ("count", "total", "ends"), [(0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0)), (5, 10, (0.2366, 0.7634))]
)
def test_intervals_of_shares_are_those_of_wilson(count, total, ends):
    assert drawn.wilson(count, total) == pytest.approx(ends, abs=1e-4)


def test_a_study_says_where_its_two_estimates_do_not_agree():
    values = np.random.default_rng(0).normal(5.0, 0.5, (3, 2, 8))
    samples = samples_of(values, mode="cpid").assign(information_both=values.ravel())
    agreeing = samples.assign(standard_both=values.ravel() + np.tile([0.3, -0.3], values.size // 2))
    assert closing(agreeing) == ""
    apart = closing(samples.assign(standard_both=values.ravel() * 2))
    assert f"over 48 images both words bring {2 * values.mean():.2f} nats" in apart and "does not close" in apart
    for other in ({"mode": "pid"}, {"guidance": 3.0}):  # where nothing says that they agree
        assert closing(samples.assign(standard_both=values.ravel() * 2, **other)) == ""
