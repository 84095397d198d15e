import csv
import io
import json
import math
import os
import re
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from store import export
from store.errors import InputError, StoreError

HOSTILE = [
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u00a0@x",
    "\ufeff=1",
    "\u200b=1",
    "\x00=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    " \ttext",
]
HARMLESS = [
    "a female doctor",
    'a "quoted" word, and a comma',
    "two\nlines",
    "",
    "naïve café 医者 🩺",
    "a=b",
    "1-2",
    "semi;=colon",
    "'already",
    "back\\slash",
    "100% & $5 #1 a_b {c} ~d^e <f> |g|",
]


def bias_like() -> pd.DataFrame:
    columns = pd.MultiIndex.from_tuples(
        [("mean", "female"), ("mean", "male"), ("low", "female"), ("low", "male"), ("largest", ""), ("gap", "")],
        names=["statistic", "attribute"],
    )
    rows = [[1.25, -0.5, 1.0, -1.0, "female", 1.75], [0.0, math.nan, 0.0, math.nan, None, math.nan]]
    frame = pd.DataFrame(rows, columns=columns, index=pd.Index(["doctor", "=nurse"], name="subject"))
    frame.attrs = {"model": "embedded", "smallest": math.nan, "units": {"mean": "nats", "low": "nats", "gap": "nats"}}
    return frame


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_in_csv_can_be_a_formula(text):
    frame = pd.DataFrame({text: [text]}, index=pd.Index([text], name=text))
    header, row = read_csv(export.csv_text(frame))
    assert header == ["'" + text, "'" + text]
    assert row == ["'" + text, "'" + text]


def test_other_text_comes_back_as_it_was():
    frame = pd.DataFrame({"prompt": HARMLESS})
    assert [row[0] for row in read_csv(export.csv_text(frame))[1:]] == HARMLESS
    back = pd.read_csv(io.BytesIO(export.encoded(frame, "csv")), keep_default_na=False)
    assert list(back) == ["prompt"]
    assert list(back["prompt"]) == HARMLESS


def test_numbers_in_csv_stay_numbers_in_full_precision():
    values = [-1.5, math.pi, 1e-300, -0.0, math.inf, -math.inf, math.nan]
    frame = pd.DataFrame({"value": values, "count": range(-3, 4), "flag": [True] * 7})
    text = export.csv_text(frame)
    assert "'" not in text
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(text)), frame, check_dtype=False)
    found = [float(row[0] or "nan") for row in read_csv(text)[1:]]
    np.testing.assert_array_equal(found, values)


def test_two_levels_of_columns_are_joined_and_the_index_kept():
    header, first, second = read_csv(export.csv_text(bias_like()))
    assert header[:7] == ["subject", "mean female", "mean male", "low female", "low male", "largest", "gap"]
    assert first[:7] == ["doctor", "1.25", "-0.5", "1.0", "-1.0", "female", "1.75"]
    assert second[:7] == ["'=nurse", "0.0", "", "0.0", "", "", ""]


def test_csv_begins_with_a_byte_order_mark_that_pandas_does_not_see():
    content = export.encoded(bias_like(), "csv")
    assert content.startswith(b"\xef\xbb\xbf")
    assert pd.read_csv(io.BytesIO(content)).columns[0] == "subject"


def test_json_is_strict_and_names_units_and_software():
    document = json.loads(export.json_text(bias_like()), parse_constant=pytest.fail)
    assert document["software"].startswith("diffusionpid-dashboard")
    assert document["about"] == {"model": "embedded", "smallest": None}
    units = {column["name"]: column["unit"] for column in document["columns"]}
    assert units["mean female"] == units["gap"] == "nats"
    assert units["subject"] is units["largest"] is None
    assert document["rows"][0]["mean male"] == -0.5
    assert document["rows"][1] == {
        "subject": "=nurse", "mean female": 0.0, "mean male": None, "low female": 0.0, "low male": None,
        "largest": None, "gap": None,
    }  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE + HARMLESS)
def test_json_keeps_any_text(text):
    frame = pd.DataFrame({"prompt": [text], "n": np.int64([3]), "flag": [np.True_]})
    assert json.loads(export.encoded(frame, "json"))["rows"] == [{"prompt": text, "n": 3, "flag": True}]


def test_latex_is_a_booktabs_table_with_the_largest_of_a_row_in_bold():
    frame = bias_like()
    frame.attrs = {}
    lines = export.latex(frame).splitlines()
    assert lines[:2] == [r"\begin{tabular}{lrrrrlr}", r"\toprule"]
    assert lines[2] == r"subject & mean female & mean male & low female & low male & largest & gap \\"
    assert lines[4] == r"doctor & \textbf{1.250} & $-$0.500 & 1.000 & $-$1.000 & female & 1.750 \\"
    assert lines[5] == r"=nurse & 0.000 & -- & 0.000 & -- & -- & -- \\"
    assert lines[6:] == [r"\bottomrule", r"\end{tabular}"]


def test_what_is_bold_can_be_chosen_and_one_statistic_alone_is_compared():
    frame = bias_like()
    assert r"\textbf{1.250}" in export.latex(frame["mean"])
    assert r"\textbf" not in export.latex(frame, bold=[])
    assert r"\textbf{1.000}" in export.latex(frame, bold=[[("low", "female"), ("low", "male")]])
    flat = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 3.0]})
    assert export.markdown(flat, bold=[["a", "b"]]).splitlines()[2:] == [
        "| **1.000** | **1.000** |",
        "| 2.000 | **3.000** |",
    ]


def test_an_interval_stands_in_the_cell_of_its_value():
    frame = pd.DataFrame([["x", 1.0, 0.5, 1.5, 2.0, math.nan, math.nan]])
    frame.columns = ["name", "mean", "low", "high", "rank", "rank_low", "rank_high"]
    assert export.markdown(frame).splitlines() == [
        "| name | mean | rank |", "| --- | ---: | ---: |", "| x | 1.000 [0.500, 1.500] | 2.000 |",
    ]  # fmt: skip
    columns = [(name, each) for name in ("mean", "low", "high") for each in ("a", "b")]
    bias = pd.DataFrame([[1.0, 2.0, 0.0, 1.0, 3.0, 4.0]])
    bias.columns = pd.MultiIndex.from_tuples(columns, names=["statistic", "attribute"])
    line = export.latex(bias).splitlines()[4]
    assert line == r"1.000 [0.000, 3.000] & \textbf{2.000} [1.000, 4.000] \\"
    assert read_csv(export.csv_text(bias))[0][:3] == ["mean a", "mean b", "low a"]


def test_small_numbers_keep_their_size():
    assert export.markdown(pd.DataFrame({"p": [1.23456e-7, 0.0, 0.25]})).splitlines()[2:] == [
        "| 1.2e-07 |", "| 0.000 |", "| 0.250 |",
    ]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE + HARMLESS)
def test_latex_has_one_line_a_row_and_no_bare_special_character(text):
    lines = export.latex(pd.DataFrame({"prompt": [text]})).splitlines()
    assert len(lines) == 7
    cell = lines[4].removesuffix(r" \\")
    commands = r"\\text(backslash|asciicircum|asciitilde|less|greater|bar|quotedbl)\{\}|\\[&%$#_{}]|\{[\[*]\}"
    assert not set(re.sub(commands, "", cell)) & set('\\&%$#_{}~^<>|"')


def test_a_latex_row_cannot_begin_an_option_of_the_line_break():
    assert "\n{[}10cm]" in export.latex(pd.DataFrame({"prompt": ["a", "[10cm]"]}))
    assert "\n{*}" in export.latex(pd.DataFrame({"prompt": ["a", "*"]}))


@pytest.mark.parametrize("text", HOSTILE + HARMLESS)
def test_markdown_has_one_line_a_row_and_as_many_cells_as_columns(text):
    lines = export.markdown(pd.DataFrame({"one": [text], "two": [text]})).splitlines()
    assert len(lines) == 3
    assert len(re.findall(r"(?<!\\)\|", lines[2])) == 3
    assert "<" not in lines[2]


def test_markdown_escapes_what_would_be_drawn_otherwise():
    text = "*bold* [link](http://x) <b> `code` www.x.org $x$"
    expected = r"\*bold\* \[link\](http\://x) &lt;b&gt; \`code\` www\.x.org \$x\$"
    assert expected in export.markdown(pd.DataFrame({"p": [text]}))


@pytest.mark.parametrize("kind", export.FORMATS)
def test_files_appear_whole(tmp_path, kind):
    path = tmp_path / f"table.{kind}"
    path.write_text("before")
    export.write(bias_like(), path)
    assert path.read_bytes() == export.encoded(bias_like(), kind)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", export.FORMATS)
def test_an_empty_frame_is_a_header(kind):
    assert b"mean" in export.encoded(pd.DataFrame({"mean": []}), kind)


def test_what_cannot_be_encoded_is_replaced():
    assert b"?" in export.encoded(pd.DataFrame({"p": ["\ud800"]}, dtype=object), "csv")


def test_errors_name_the_mend(tmp_path):
    with pytest.raises(InputError, match="use one of csv, json, tex, md"):
        export.write(bias_like(), tmp_path / "table.xlsx")
    with pytest.raises(StoreError, match="choose another place"):
        export.write(bias_like(), tmp_path / "missing" / "table.csv")


def test_texts_are_what_a_reader_sees():
    frame = pd.DataFrame({"word": ["<b>a\nb</b>", None], "value": [-0.12345, np.nan]})
    assert export.texts(frame) == (["word", "value"], [["<b>a b</b>", "\u22120.123"], ["\u2013", "\u2013"]])


ABOUT = {
    **{"study": "gender", "model": "a_model", "revision": "1", "guidance": [1.0, 3.0], "mode": "pid"},
    **{"measure": "mmi", "level": "pixel", "quantity": "unique_first"},
}


def about(**changes) -> pd.DataFrame:
    frame = pd.DataFrame({"mean": [1.5]}, index=pd.Index(["doctor"], name="subject"))
    frame.attrs = {**ABOUT, **changes}
    return frame


def test_every_format_says_what_the_table_is_about():
    header, row = read_csv(export.csv_text(about()))
    said = dict(zip(header, row, strict=True))
    assert said.pop("exported").count("-") == 2
    assert said == {**ABOUT, "guidance": "1, 3", "subject": "doctor", "mean": "1.5"}
    document = json.loads(export.json_text(about()))
    assert document["about"] == ABOUT and document["exported"]
    table = export.latex(about(), title="Gender bias")
    caption = "Gender bias: U1, unique to the first word; study gender, model a\\_model, revision 1, guidance 1, 3"
    assert rf"\caption{{{caption}, mode pid, measure mmi, level pixel. diffusionpid-dashboard" in table
    assert table.startswith("\\begin{table}\n") and table.endswith("\\end{table}\n")


def test_no_two_settings_share_a_file_name():
    changes = [{}, {"model": "b"}, {"guidance": 3.0}, {"mode": "cpid"}, {"measure": "ccs"}, {"level": "image"}]
    names = {export.file_stem(about(**change), "Table") for change in changes}
    assert len(names) == len(changes)
    assert "table-a_model-1-guidance-1-3-pid-mmi-pixel-unique_first-20" in "".join(names)
    assert re.fullmatch(r"[\w.-]+", export.file_stem(about(model="../../x\0y"), "=1/2 'a'"))


def test_people_read_words_and_programs_names():
    frame = pd.DataFrame({"stays_largest": ["a_b", "\u22120.1 \u00b1 0.2 \u2020"]}, index=["unique_first", "synergy"])
    text = export.latex(frame)
    assert r" & stays largest \\" in text and r"U1, unique to the first word & a\_b \\" in text
    assert r"$-$0.1 $\pm$ 0.2 \textdagger{} \\" in text
    assert "stays largest" in export.markdown(frame)
    assert "stays_largest" in export.csv_text(frame) and "unique_first" in export.csv_text(frame)
    columns = pd.MultiIndex.from_tuples([("gap_normalised", "red_hair")], names=["statistic", "attribute"])
    assert r"gap normalised red\_hair" in export.latex(pd.DataFrame([[1.0]], columns=columns))


@pytest.mark.parametrize("place", ["fifo", "link", "dangling", "folder", "jobs.sqlite", "new.sqlite", "results.csv"])
def test_an_export_replaces_no_more_than_a_file_of_the_users_choice(tmp_path, place):
    target = tmp_path / place
    (tmp_path / "kept.txt").write_text("kept")
    if place == "fifo":
        os.mkfifo(target)
    elif place == "link":
        target.symlink_to(tmp_path / "kept.txt")
    elif place == "dangling":
        target.symlink_to(tmp_path / "nowhere")
    elif place == "folder":
        target.mkdir()
    elif place == "jobs.sqlite":
        sqlite3.connect(target).execute("CREATE TABLE jobs (number)").connection.close()
    elif place == "results.csv":
        target.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    before = target.lstat().st_mode if place != "new.sqlite" else None
    with pytest.raises(InputError, match="choose another name"):
        export.write(bias_like(), target, "csv")
    assert (tmp_path / "kept.txt").read_text() == "kept" and not (tmp_path / "nowhere").exists()
    assert (target.lstat().st_mode if before else None) == before
    assert place != "new.sqlite" or not target.exists()


def test_an_export_to_a_device_is_refused():
    with pytest.raises(InputError, match="no regular file"):
        export.write(bias_like(), Path("/dev/null"), "csv")


def test_a_bundle_may_replace_a_bundle_alone(tmp_path):
    bundle = tmp_path / "bundle.h5"
    bundle.write_bytes(b"\x89HDF\r\n\x1a\n")
    export.check_target(bundle, over_results=True)
    with pytest.raises(InputError, match="it holds results"):
        export.check_target(bundle)


def test_a_file_keeps_its_mode_and_a_new_one_heeds_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        export.write(bias_like(), tmp_path / "new.csv")
        (tmp_path / "old.csv").write_text("before")
        (tmp_path / "old.csv").chmod(0o640)
        export.write(bias_like(), tmp_path / "old.csv")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("new.csv", "old.csv")] == [0o600, 0o640]
