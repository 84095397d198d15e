"""What the bias pages draw of a study: cells against the frames of `store.tables`, figures, and files for others."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from plotly.offline import get_plotlyjs

from pages.address import View
from pages.data import bias_tables
from pages.data.results import Listing
from pages.figures import bias as bias_figures
from pages.figures import gallery, report
from pages.figures.maps import Layer, Scale
from pages.sections.bias.attributes import PUBLISHED, AttributeTable
from pages.sections.bias.grid import AVERAGE, TableFormat, number
from pages.sections.bias.guidance import GuidanceTable
from pages.sections.bias.neutral import NeutralTable
from pages.widgets import exports
from store import export, studies, tables
from store.notes import Note, Pin
from tests import synthetic

NORMALISED, NATS = TableFormat("normalised", "nats", 1.0), TableFormat("information", "nats", 1.0)
SMALL = {"size": 8, "grid": 4}
SUBJECTS = ["doctor", "nurse", "teacher", "artist"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Four roles of the gender study, the male ones of which bring 1, 2, 3 and 4 times as much; two guidances."""
    folder = tmp_path_factory.mktemp("store")
    synthetic.bias(folder, 4, **SMALL)
    synthetic.bias(folder, 4, guidance=3.0, together=1.5, **SMALL)
    return folder


@pytest.fixture(scope="module")
def asked():
    return studies.load("gender", model="embedded")


@pytest.fixture(scope="module")
def table(root, asked) -> AttributeTable:
    printed = bias_tables.published(asked, ("gender",), root)
    return AttributeTable(
        bias_tables.bias(Listing(root), asked, printed, model="embedded", mode="pid", guidance=1.0, **UNDER)
    )


@pytest.fixture(scope="module")
def published(table) -> AttributeTable:
    """The same beside values of another model."""
    return AttributeTable(tables.with_published(table.frame, studies.load("gender").published))


UNDER = {"measure": "mmi", "level": "pixel"}


def column(grid: bias_figures.Grid, title: str, group: str = "") -> bias_figures.Column:
    (found,) = [each for each in grid.columns if (each.title, each.group) == (title, group)]
    return found


def test_cells_say_what_the_table_holds(table):
    grid = table.grid(SUBJECTS, NORMALISED)
    assert grid.keys == (AVERAGE, *SUBJECTS) and grid.pinned == 1
    for attribute in ("male", "female"):
        cells = column(grid, attribute, "redundancy, 0 to 1").texts
        for subject, cell in zip(grid.keys, cells, strict=True):
            row = table.frame.loc[subject]
            assert number(row["normalised", attribute], 3) in cell
            assert cell.startswith("<b>") == (row["largest", ""] == attribute)
        np.testing.assert_allclose(
            column(grid, attribute, "redundancy, 0 to 1").shades, table.frame["normalised", attribute][list(grid.keys)]
        )
    grid = table.grid(SUBJECTS, NATS)
    raw, beside = (column(grid, "male", group).texts for group in ("redundancy, nats", "0 to 1"))
    assert all(number(table.frame["mean", "male"][key], 1) in cell for key, cell in zip(grid.keys, raw, strict=True))
    assert beside == tuple(number(table.frame["normalised", "male"][key], 2) for key in grid.keys)


def test_bits_are_nats_by_their_factor(table):
    bits = replace(NATS, unit="bits", factor=1 / np.log(2))
    shown = table.printed(table.frame, bits)[0]
    for end, statistic in (("", "mean"), ("low", "low"), ("high", "high")):
        np.testing.assert_allclose(shown[end, "male"] * np.log(2), table.frame[statistic, "male"])
    np.testing.assert_allclose(shown["", "gap"] * np.log(2), table.frame["gap"])


def test_significant_gaps_have_a_star_and_others_none(table):
    frame = table.frame.copy()
    frame["significant", ""] = [True, False, True, False, False]
    marked = column(AttributeTable(frame).grid(list(frame.index[:-1]), NORMALISED), "gap").texts
    assert [" *" in text for text in marked] == [False, True, False, True, False]


def test_a_gap_says_which_way_and_its_bar_goes_there(table):
    frame = table.frame.copy()
    frame.loc["nurse", ("largest", "")] = "female"
    grid = AttributeTable(frame).grid(SUBJECTS, NATS)
    texts, gaps = dict(zip(grid.keys, column(grid, "gap").texts, strict=True)), frame["gap", ""]
    assert f"+{number(gaps['nurse'], 1)}" in texts["nurse"] and bias_figures.colour_of(1) in texts["nurse"]
    assert number(-gaps["artist"], 1) in texts["artist"] and bias_figures.colour_of(0) in texts["artist"]
    signs = np.where(frame["largest", ""][list(grid.keys)] == "male", -1, 1)
    np.testing.assert_allclose(grid.bars.values, gaps[list(grid.keys)] * signs)
    assert (grid.bars.low <= grid.bars.values).all() and (grid.bars.values <= grid.bars.high).all()
    assert grid.bars.leads == tuple(int(sign > 0) for sign in signs)
    assert grid.axis == "male \u2190 nats \u2192 female"


def test_rows_are_grouped_by_who_leads_and_what_is_not_significant_comes_last(table):
    frame = table.frame.copy()
    frame["significant", ""] = [True, True, False, True, False]
    frame["largest", ""] = ["male", "female", "female", "male", "male"]
    frame["gap", ""] = [1.0, 2.0, 9.0, 3.0, 0.0]
    found = AttributeTable(frame)
    rows = list(frame.index[:-1])
    assert found.arranged("", found.usual) == [rows[1], rows[3], rows[0], rows[2]]
    assert found.arranged("", "direction") == [rows[1], rows[0], rows[3], rows[2]]
    assert found.grid(found.arranged("", found.usual), NATS, found.usual).parts == (2, 4)
    assert found.grid(found.arranged("", "-gap"), NATS, "-gap").parts == ()


def test_arrows_say_who_leads_under_each_measure(table):
    frame = table.frame.copy()
    frame["leads", "aligned, pid"] = "female"
    frame["clear", "aligned, pid"] = True
    frame["agree", ""], frame["settings", ""] = 1, 2
    found = AttributeTable(frame)
    found.frame.attrs = table.frame.attrs
    shown = next(each for each in found.grid(SUBJECTS, NATS).columns if each.key == "agree")
    assert "aligned" in shown.group and "mmi" in shown.group
    assert all("\u25b6" in text and text.endswith("1/2") for text in shown.texts)
    assert "aligned, pid: female *" in shown.hovers[1]


def test_size_is_grey_and_only_attributes_have_colours(root, asked, table):
    neutral = NeutralTable(bias_tables.neutral(Listing(root), asked, model="embedded", guidance=1.0))
    for grid in (table.grid(SUBJECTS, NATS), neutral.grid(SUBJECTS, NATS)):
        for each in grid.columns:
            own = "contrast" in each.group
            expected = (bias_figures.colour_of(0), bias_figures.colour_of(1)) if own else (bias_figures.SIZE,) * 2
            assert each.tints == expected


def test_values_that_cannot_be_relied_upon_are_marked(table):
    frame = table.frame.copy()
    frame.loc["doctor", ("high", "female")] = 10 * frame.loc["doctor", ("mean", "female")]
    frame.loc["nurse", ("excluded", "female")] = 1
    frame.loc["teacher", [("low", "female"), ("high", "female")]] = np.nan  # of a single image
    frame.loc["artist", [("mean", "female"), ("low", "female"), ("high", "female")]] = np.nan  # not computed
    cells = dict(
        zip(
            (AVERAGE, *SUBJECTS),
            column(AttributeTable(frame).grid(SUBJECTS, NATS), "female", "redundancy, nats").texts,
            strict=True,
        )
    )
    assert [subject for subject, cell in cells.items() if "\u2020" in cell] == ["doctor", "nurse", "teacher"]
    assert cells["artist"] == "\u2013"


def test_published_values_stand_beside_ours_where_there_are_some(published):
    grid = published.grid(SUBJECTS, NORMALISED)
    found = column(grid, "male", "published")
    shown = dict(zip(grid.keys, found.texts, strict=True))
    assert shown == {"average": "", "doctor": "<b>0.871</b>", "nurse": "", "teacher": "0.098", "artist": ""}
    assert "not one that was measured here" in found.hovers[1] and "arXiv 2406.05191" in found.hovers[1]
    assert "Nothing was published" in found.hovers[2]
    assert all(not each.group for each in published.grid(SUBJECTS, replace(NORMALISED, compact=True)).columns)


def test_the_published_average_is_shown_beside_all_of_its_rows(published):
    few = AttributeTable(published.frame.loc[["doctor", "teacher", AVERAGE]])
    theirs = studies.load("gender").published
    assert column(few.grid([], NORMALISED), "male", "published").texts == (f"<b>{theirs.average['male']:.3f}</b>",)


def test_a_printed_table_has_its_intervals_and_says_what_it_is_about(table):
    printed, bold = table.printed(table.frame, NATS)
    text = export.latex(exports.under(printed, **table.frame.attrs), bold=bold, title="Gender bias")
    mean, low, high = (table.frame.loc["nurse", (name, "male")] for name in ("mean", "low", "high"))
    assert rf"nurse & \textbf{{{mean:.3f}}} [{low:.3f}, {high:.3f}] & " in text
    assert "study embedded-gender, model embedded" in text and "measure mmi" in text


def test_a_study_that_shares_no_occupation_has_no_published_columns(tmp_path):
    asked = synthetic.bias(tmp_path, 2, name="tone", **SMALL)
    printed = bias_tables.published(asked, ("tone", "ethnicity"), tmp_path)
    assert printed is None
    frame = bias_tables.bias(Listing(tmp_path), asked, printed, model="embedded", mode="pid", guidance=1.0, **UNDER)
    assert PUBLISHED not in frame and list(frame["mean"]) == ["light skin", "medium skin", "dark skin"]


def test_rows_are_found_by_words_and_sorted_by_any_column(table):
    gaps = table.frame["gap", ""].drop(AVERAGE)
    assert table.arranged("", "-gap") == list(gaps.sort_values(ascending=False).index)
    assert table.arranged("", "gap") == list(gaps.sort_values().index)
    assert table.frame["mean", "female"][table.arranged("", "-female")].is_monotonic_decreasing
    assert table.arranged("T", "occupation") == ["artist", "doctor", "teacher"]
    assert table.arranged("ac TEA", "occupation") == ["teacher"]
    assert table.arranged("average", "occupation") == []
    for order in table.orders:
        assert sorted(table.arranged("", f"-{order}")) == sorted(SUBJECTS)


def test_the_neutral_probe_shows_contrast_alignment_and_information(root, asked):
    table = NeutralTable(bias_tables.neutral(Listing(root), asked, model="embedded", guidance=1.0))
    grid = table.grid(SUBJECTS, NATS)
    for name, digits in (("contrast", None), ("alignment", 2), ("information", None)):
        unit = "" if name == "alignment" else ", nats"
        for attribute in table.frame[name]:
            found = column(grid, attribute, f"{name}{unit}")
            for subject, cell in zip(grid.keys, found.texts, strict=True):
                value = table.frame.loc[subject, (name, attribute)]
                decimals = digits or (2 if abs(table.frame[name]).max(axis=None) < 10 else 1)
                assert cell.startswith(number(value, decimals))
    signs = np.sign(table.frame["contrast", "female"])
    np.testing.assert_array_equal(np.sign(column(grid, "female", "contrast, nats").shades), signs[list(grid.keys)])
    assert set(table.orders) >= {"contrast female", "alignment male", "information male", "q", "occupation"}
    assert all(sorted(table.arranged("", order)) == sorted(SUBJECTS) for order in table.orders)


def test_guidances_are_compared_side_by_side(root, asked):
    about = {"model": "embedded", "mode": "pid", **UNDER}
    table = GuidanceTable(bias_tables.by_guidance(Listing(root), asked, [1.0, 3.0], **about))
    grid = table.grid(SUBJECTS, NATS)
    assert [(each.group, each.title) for each in grid.columns[1:]] == [
        ("gap, nats", "guidance 1"),
        ("gap, nats", "guidance 3"),
        ("change from guidance 1", "guidance 3"),
    ]
    np.testing.assert_allclose(
        table.frame["change", "3"].drop(AVERAGE), (table.frame["gap", "3"] - table.frame["gap", "1"]).drop(AVERAGE)
    )
    assert all(sorted(table.arranged("", order)) == sorted(SUBJECTS) for order in table.orders)


def test_every_cell_can_be_clicked_and_says_what_it_opens(table):
    grid = table.grid(SUBJECTS, NORMALISED)
    points = bias_figures.table(grid, "nurse", "-gap").data[-1]
    rows = [tuple(point) for point in points.customdata]
    assert {name for kind, name in rows if kind == bias_figures.ROW_OF} == set(SUBJECTS)
    assert {name for kind, name in rows if kind == bias_figures.HEAD_ROW} == {each.key for each in grid.columns}
    places = {(kind, name): y for (kind, name), y in zip(rows, points.y, strict=True)}
    assert [places[bias_figures.ROW_OF, subject] for subject in SUBJECTS] == [1, 2, 3, 4]


def test_a_page_of_rows_stays_small(table):
    frame = pd.concat([table.frame.drop(AVERAGE)] * 7).iloc[:25]
    frame.index = [f"occupation {number}" for number in range(25)]
    whole = AttributeTable(pd.concat([frame, table.frame.loc[[AVERAGE]]]))
    whole.frame.attrs = table.frame.attrs
    assert len(bias_figures.table(whole.grid(list(frame.index), NORMALISED)).to_json()) < 100_000


def test_words_are_never_markup(table):
    frame = table.frame.rename(index={"nurse": "<b>nurse</b>"})
    figure = bias_figures.table(AttributeTable(frame).grid(["<b>nurse</b>"], NORMALISED))
    texts = [text for trace in figure.data if trace.text is not None for text in trace.text]
    assert "&lt;b&gt;nurse&lt;/b&gt;" in texts and not any("<b>nurse" in text for text in texts)


def test_the_map_of_a_panel_covers_its_image():
    image, values = np.zeros((64, 64, 3), np.uint8), np.arange(256.0).reshape(16, 16)
    layer = Layer("redundant", values, Scale(9.0, "nats"), values / 10)
    figure = gallery.gallery([gallery.Panel("plain", image), gallery.Panel("map", image, layer)], 2, 140, 0.6)
    heatmap = figure.data[-1]
    assert (heatmap.x0 - heatmap.dx / 2, heatmap.x0 + heatmap.dx * 15.5) == (-0.5, 63.5)
    np.testing.assert_array_equal(heatmap.z, values)
    assert (heatmap.xaxis, heatmap.yaxis) == ("x2", "y2")
    assert figure.layout.coloraxis.cmax == 9.0


def test_large_images_and_maps_stay_small():
    record = synthetic.record(size=512, grid=64, seeds=(0,))
    found, scale = record.pairs[0].decomposition("pid")["redundancy"], Scale(1.0, "nats")
    over = gallery.Panel("map", record.images[0], Layer("redundant", found.map[0], scale, found.map_se[0]))
    panels = [gallery.Panel("image", record.images[0]), over] * 2
    assert len(gallery.gallery(panels, 4, 140, 0.6).to_json()) < 300 * 1024


def test_a_study_that_is_partly_there_says_how_much(root, asked):
    listing = Listing(root)
    share = bias_tables.share(listing, asked, "embedded", 1.0)
    assert share == (4 * 2 * 4, 20 * 2 * 8) and not share.complete
    small = replace(asked, seeds=(0, 1), content=replace(asked.content, subjects=SUBJECTS))
    assert bias_tables.share(listing, small, "embedded", 1.0).complete


def test_the_command_computes_what_is_missing(asked, tmp_path):
    command = bias_tables.command(asked, View(model="a model"), tmp_path)
    assert command == f"python -m compute study embedded-gender --model 'a model' --store {tmp_path}"
    command = bias_tables.command(asked, View(model="m"), tmp_path, 3.0)
    assert command == f"python -m compute study embedded-gender --model m --guidance 3 --store {tmp_path}"


def test_the_study_of_a_page_is_the_one_that_was_made_for_the_model(tmp_path):
    assert bias_tables.meant(("tone", "ethnicity"), tmp_path, "embedded").name == "embedded-tone"
    assert bias_tables.meant(("tone", "ethnicity"), tmp_path, "sd-2.1-base").name == "ethnicity"


def test_a_pinned_view_comes_back_as_it_was(table):
    figure = bias_figures.table(table.grid(SUBJECTS, NORMALISED))
    printed, _ = table.printed(table.frame, NORMALISED)
    sheet = report.Sheet("Gender", "mmi, guidance 1", {"Table": figure}, {"Values": printed})
    again = report.unpacked("Gender", sheet.packed())
    assert json.loads(again.packed())["tables"] == json.loads(sheet.packed())["tables"]
    assert (again.title, again.about) == (sheet.title, sheet.about)
    one, other = (json.loads(each.to_json()) for each in (figure, again.figures["Table"]))
    assert one["data"] == other["data"] and one["layout"]["shapes"] == other["layout"]["shapes"]


def test_a_report_is_one_file_in_which_notes_stay_text(table):
    hostile = "<img src=x onerror=alert(1)> </script>"
    figure = bias_figures.table(table.grid(SUBJECTS, NORMALISED))
    figure.layout.title.text = hostile
    frame = pd.DataFrame({hostile: [hostile]})
    sheet = report.Sheet(hostile, hostile, {hostile: figure}, {hostile: frame})
    note = Note(1, 2, "key", hostile, "2026-01-02T03:04:05+00:00", hostile)
    pinned = [(note, Pin("/gender?subject=a&seed=1", hostile, sheet.packed())), (note, Pin("/x", "broken", "{"))]
    pinned.append((note, Pin("/y", "deep", "[" * 100_000)))
    page = report.of_pins("Pinned views", pinned, "http://host")
    own = page.replace(get_plotlyjs(), "")
    assert "<img" not in own and own.count("</script>") == own.count("<script")
    assert 'href="http://host/gender?subject=a&amp;seed=1"' in own
    assert "pinned view &#x27;broken&#x27;: cannot be read" in own
    assert "pinned view &#x27;deep&#x27;: cannot be read" in own
    assert "src=" not in own.replace("<img src=x", "").replace("&lt;img src=x", "").replace("\\u003cimg src=x", "")
