"""The figures in which a cell or a point is chosen: each value stands where its words or its sentence are."""

import numpy as np
import pandas as pd
import pytest

from pages.figures import dots, effects, matrix
from pages.figures.maps import Layer, Scale, let_select, overlay, strip
from pages.figures.quantities import UNRELIABLE, ranged
from pages.widgets import words

WORDS = ["red", "heart", "<b>circle"]
PAIRS = pd.DataFrame(
    {
        "first": ["red", "heart"],
        "second": ["heart", "<b>circle"],
        "redundancy": [1.0, 2.0],
        "unique_first": [3.0, 4.0],
        "unique_second": [5.0, 6.0],
        "synergy": [-7.0, 8.0],
    }
)


def test_each_cell_of_the_matrix_is_about_its_words():
    shared, unique, synergy = matrix.panels(WORDS, PAIRS, factor=2.0, unit="bits", signed=False)
    np.testing.assert_array_equal(shared.values, [[np.nan, 2, np.nan], [2, np.nan, 4], [np.nan, 4, np.nan]])
    np.testing.assert_array_equal(unique.values, [[np.nan, 6, np.nan], [10, np.nan, 8], [np.nan, 12, np.nan]])
    assert synergy.values[0, 1] == synergy.values[1, 0] == -14
    assert synergy.scale.signed and not shared.scale.signed and shared.scale.limit == synergy.scale.limit
    figure = matrix.figure(WORDS, [shared, unique, synergy], chosen=("Heart", "red"))
    points = figure.data[3]  # of U
    said = dict(zip(zip(points.y, points.x, strict=True), points.customdata, strict=True))
    assert said[2, 1][0] == said[1, 2][0] == "heart+<b>circle"
    assert "12 bits" in said[2, 1][1] and "&lt;b&gt;circle" in said[2, 1][1] and "<b>" not in said[2, 1][1]
    framed = {(shape.y0 + 0.5, shape.x0 + 0.5) for shape in figure.layout.shapes}
    assert framed == {(0, 1), (1, 0)}
    assert figure.layout.yaxis.ticktext == ("red", "heart", "&lt;b&gt;circle")


def test_means_are_of_pairs_of_the_prompt_under_the_measure_asked_for():
    rows = [
        ("red", "heart", seed, measure, level, value)
        for seed, value in enumerate((1.0, 3.0))
        for measure, level in (("aligned", "pixel"), ("mmi", "pixel"), ("aligned", "image"))
    ]
    rows.append(("red", "dog", 0, "aligned", "pixel", 9.0))
    frame = pd.DataFrame(rows, columns=["first", "second", "seed", "measure", "level", "redundancy"])
    frame[["unique_first", "unique_second", "synergy"]] = 0.0
    means, measure = words.means_of(pd.concat([frame, frame]), "a red heart", "pm")
    assert measure == "aligned" and list(means["redundancy"]) == [2.0] and list(means["second"]) == ["heart"]
    assert words.means_of(frame, "a red heart", "mmi")[1] == "mmi"
    assert len(words.means_of(frame[frame["second"] == "heart"], "a red heart", "aligned")[0]) == 1  # none is left out


def test_a_rectangle_is_drawn_on_the_edges_of_pixels():
    image, layer = np.zeros((64, 32, 3), np.uint8), Layer("", np.ones((16, 8)), Scale(1.0, "nats"))
    figure = let_select(overlay(image, layer, 0.5), (64, 32), (8, 0, 16, 64))
    assert figure.layout.dragmode == "select"
    shape = figure.layout.shapes[-1]
    assert (shape.x0, shape.x1, shape.y0, shape.y1) == (7.5, 15.5, -0.5, 63.5)
    assert max(figure.data[0].x) == 31 and max(figure.data[0].y) == 63
    assert not let_select(overlay(image, layer, 0.5), (64, 32)).layout.shapes


def test_a_threshold_leaves_out_what_lies_below_a_share_of_the_scale():
    layer = Layer("", np.array([[-1.0, -0.4], [0.5, 0.49]]), Scale(1.0, "nats", signed=True))
    image = np.zeros((64, 64, 3), np.uint8)
    for figure in (overlay(image, layer, 0.5, 0.5), strip([layer], image, 0.5, 0.5)):
        np.testing.assert_array_equal(figure.data[-1].z, [[-1, np.nan], [0.5, np.nan]])
    np.testing.assert_array_equal(strip([layer]).data[-1].z, layer.values.astype(np.float32))


@pytest.mark.parametrize(("size", "grid"), [(64, 16), (512, 64)])
def test_seven_overlays_side_by_side_lie_on_their_images_and_stay_small(size, grid):
    rng = np.random.default_rng(0)
    image = np.repeat(rng.integers(0, 255, (size, size // 16, 3), np.uint8), 16, axis=1)
    layers = [Layer(str(number), rng.random((grid, grid)), Scale(1.0, "nats")) for number in range(7)]
    figure = strip(layers, image, groups=(1, 2, 2, 2))
    assert len(figure.to_json()) < 600 * 1024
    for place in range(7):
        picture, heat = figure.data[2 * place : 2 * place + 2]
        assert picture.xaxis == heat.xaxis
        assert heat.x0 - heat.dx / 2 == picture.x0 - picture.dx / 2 == -0.5
        assert heat.x0 + heat.dx * (grid - 0.5) == size - 0.5


def test_pairs_and_controls_stand_in_one_row_and_open_it():
    table = pd.DataFrame(
        {"first": ["cup", "car"], "second": ["mug", "<i>auto"], "control": ["horse", ""], "prompt": ["a cup", "a car"]}
    )
    for prefix, values in (("", [2.0, 3.0]), ("control_", [1.0, np.nan])):
        table[[f"{prefix}mean", f"{prefix}low", f"{prefix}high"]] = np.array(values)[:, None] + [0, -0.5, 0.25]
    figure = dots.figure(table, "redundancy", "bits", 2.0, chosen=1)
    pair, control = figure.data
    assert list(pair.x) == [4, 6] and list(control.x)[0] == 2 and np.isnan(control.x[1])
    assert list(pair.error_x.array) == [0.5, 0.5] and list(pair.error_x.arrayminus) == [1, 1]
    assert [said[0] for said in pair.customdata] == [0, 1] and pair.customdata[1][1] == "car and &lt;i&gt;auto"
    assert figure.layout.shapes[0].y0 == 0.5


def test_an_image_of_a_study_is_a_point_that_opens_it():
    rows = pd.DataFrame({"prompt": ["a", "b"], "word": ["x", "y"], "seed": [0, 3], "conditional": [1.0, 2.0]})
    rows["pixels"] = [0.1, 0.2]
    figure = effects.scatter(rows, "conditional", "pixels", ("CMI", "change"), 2.0, rows["prompt"] == "b")
    others, own = figure.data
    assert (list(others.x), list(own.x), list(own.y)) == ([2.0], [4.0], [0.2])
    assert own.customdata[0][:3] == ["b", "y", 3]


def test_intervals_are_written_to_two_digits_of_their_width():
    assert ranged(-274.79, -305.38, -235.76) == "\u2212275 [\u2212305, \u2212236]"
    assert ranged(0.5, -0.1, 1.1) == f"0.50 [\u22120.10, 1.10] {UNRELIABLE}"
    assert ranged(3.0, np.nan, np.nan).endswith(f"[?] {UNRELIABLE}")
    assert ranged(np.inf, 0, 1) == f"not finite {UNRELIABLE}"


def test_cells_write_a_minus_and_nothing_where_nothing_was_measured():
    values = np.array([[np.nan, -0.0616], [0.843, np.nan]])
    panel = matrix.MatrixPanel("S", values, Scale(1.0, "nats", signed=True), "{0} {1}")
    heat = matrix.figure(["a", "b"], [panel], ("a", "b")).data[0]
    assert [list(row) for row in heat.text] == [["", "\u22120.0616"], ["0.843", ""]]
