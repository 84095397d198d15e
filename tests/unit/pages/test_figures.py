"""Figures: the map lies on its image, maps that are compared share a scale, and the payload stays small."""

from dataclasses import replace

import numpy as np
import pytest

from pages.address import ALL_LEVELS, ExplorerView
from pages.data import decompositions
from pages.figures import maps as maps_figure
from pages.figures.maps import Layer, Scale
from pages.figures.quantities import QUANTITIES, UNRELIABLE, factor, reliable, rounded, written
from pages.figures.times import counted
from store.pid.measures import MEASURES
from tests import synthetic

NATS = Scale(2.0, "nats")


def overlay(size: int, grid: int, title: str = "redundant", scale: Scale = NATS):
    record = synthetic.record(size=size, grid=grid, seeds=(0,))
    estimate = record.pairs[0].decomposition("pid")["redundancy"]
    return maps_figure.overlay(record.images[0], Layer(title, estimate.map[0], scale, estimate.map_se[0]), opacity=0.6)


def layers(tmp_path, record, **changes) -> dict[str, Layer]:
    view = ExplorerView(mode="pid", **changes)
    pair, _ = decompositions.under(record.pairs[0], view.measure)
    return decompositions.layers(tmp_path, pair, view, index=0)


def extent(trace, length: int) -> tuple[float, float]:
    return trace.x0 - trace.dx / 2, trace.x0 + trace.dx * (length - 0.5)


@pytest.mark.parametrize(("size", "grid"), [(64, 16), (512, 64), (1024, 128), (512, 16)])
def test_map_covers_exactly_the_image(size, grid):
    image, heatmap = overlay(size, grid).data
    edges = (-0.5, size - 0.5)
    assert extent(heatmap, grid) == pytest.approx(edges)
    assert extent(image, min(size, maps_figure.LARGEST)) == pytest.approx(edges)
    assert (heatmap.y0, heatmap.dy) == (heatmap.x0, heatmap.dx) == ((size / grid - 1) / 2, size / grid)
    layout = overlay(size, grid).layout
    assert layout.xaxis.range == edges and layout.yaxis.range == edges[::-1]


def test_a_known_cell_lies_on_its_pixels():
    values = np.zeros((16, 16), np.float32)
    values[2, 5] = 1
    heatmap = maps_figure.overlay(np.zeros((64, 64, 3), np.uint8), Layer("", values, NATS), opacity=1).data[1]
    row, column = np.argwhere(np.asarray(heatmap.z) == 1)[0]
    assert heatmap.x0 + column * heatmap.dx == 21.5  # the middle of pixels 20 to 23
    assert heatmap.y0 + row * heatmap.dy == 9.5


@pytest.mark.parametrize(("size", "grid"), [(64, 16), (512, 64), (1024, 128)])
def test_an_overlay_stays_below_300_kib(size, grid):
    assert len(overlay(size, grid).to_json()) < 300 * 1024


def test_all_information_shares_one_limit_and_signed_maps_are_symmetric(tmp_path):
    drawn = layers(tmp_path, synthetic.record(together=0.7, seeds=(0,)), measure="mmi")
    limit = drawn["redundancy"].scale.limit
    figure = maps_figure.strip(list(drawn.values()))
    plain, signed, other = figure.layout.coloraxis, figure.layout.coloraxis2, figure.layout.coloraxis3
    assert (plain.cmin, plain.cmax) == (0, limit)
    assert (signed.cmin, signed.cmax) == (-limit, limit)
    assert other.cmax != limit and other.colorscale != plain.colorscale
    expected = {"synergy": "coloraxis2", "attention_first": "coloraxis3", "attention_second": "coloraxis3"}
    assert [trace.coloraxis for trace in figure.data] == [expected.get(name, "coloraxis") for name in drawn]
    assert maps_figure.DIVERGING[2] == (0.5, "#f7f7f7")


@pytest.mark.parametrize("measure", MEASURES)
def test_what_may_be_negative_has_a_diverging_scale(tmp_path, measure):
    for seed in range(3):
        record = synthetic.record(prompt=f"a {'very ' * seed}odd thing", words=("odd", "thing"), surprisals=(1.0, 5.0))
        for name, layer in layers(tmp_path / str(seed), record, measure=measure).items():
            assert layer.scale.signed or layer.values.min() >= -1e-6, name
    signed = {name for name, quantity in QUANTITIES.items() if quantity.signed(measure)}
    assert (
        signed
        == {
            "mmi": {"synergy"},
            "aligned": {"redundancy", "unique_first", "unique_second", "synergy"},
            "ccs": {"unique_first", "unique_second"},
            "pm": {"unique_first", "unique_second", "synergy"},
        }[measure]
    )


def test_signed_overlay_is_symmetric_about_zero():
    axis = overlay(64, 16, scale=Scale(2.0, "nats", signed=True)).layout.coloraxis
    assert (axis.cmin, axis.cmax) == (-2.0, 2.0)


def test_panels_do_not_overlap(tmp_path):
    record = synthetic.record(seeds=(0,))
    for band in (ALL_LEVELS, "2"):
        drawn = layers(tmp_path, record, band=band)
        domains = [axis.domain for axis in maps_figure.strip(list(drawn.values())).select_xaxes()]
        assert len(domains) == len(drawn)
        assert all(left[1] < right[0] for left, right in zip(domains, domains[1:], strict=False))
        assert domains[0][0] == 0 and domains[-1][1] == pytest.approx(1)


def test_bands_add_up_and_tell_no_errors(tmp_path):
    record = synthetic.record()
    bands = decompositions.bands(record.pairs[0], "pid")
    assert list(bands) == [ALL_LEVELS, *map(str, range(synthetic.MAP_BANDS))]
    assert (bands[ALL_LEVELS], bands["1"]) == ("all levels", "\u22126.0 to \u22123.0")
    whole = layers(tmp_path, record)
    parts = [layers(tmp_path, record, band=band) for band in bands if band != ALL_LEVELS]
    assert set(parts[0]) == {name for name in whole if not name.startswith(("conditional", "attention"))}
    for name in ("first", "second", "both"):
        np.testing.assert_allclose(sum(part[name].values for part in parts), whole[name].values, rtol=1e-4)
        assert whole[name].errors is not None and "\u00b1" in whole[name].hover
        assert all(part[name].errors is None and "\u00b1" not in part[name].hover for part in parts)
    assert len({part["both"].scale for part in parts}) == 1
    assert max(part["both"].values.max() for part in parts) <= 1.5 * parts[0]["both"].scale.limit


def test_a_measure_that_does_not_fit_gives_way_and_says_so():
    pair = synthetic.record(measure="ccs").pairs[0]
    shown, notes = decompositions.under(pair, "pm")
    assert shown.measure == "aligned" and "surprisal" in notes[0]
    standard = replace(pair, estimator="standard")
    shown, notes = decompositions.under(standard, "aligned")
    assert (shown.measure, shown.estimator) == ("aligned", "orthogonal") and "refused on standard maps" in notes[0]
    shown, notes = decompositions.under(standard, "ccs")
    assert (shown.measure, shown.estimator, notes) == ("ccs", "standard", [])
    parts = shown.decomposition("pid")
    total = {name: QUANTITIES[name].of(parts).total for name in ("redundancy", "unique_first", "first")}
    np.testing.assert_allclose(total["redundancy"] + total["unique_first"], total["first"])
    assert QUANTITIES["first"].signed("ccs", "standard")


def test_the_limit_is_robust_and_knows_odd_maps():
    values = np.ones((100, 100))
    values[0, 0] = 1000
    values[1, 1] = np.inf
    assert maps_figure.common_limit([values]) == 1
    assert maps_figure.common_limit([-3 * np.ones((4, 4))]) == 3
    assert maps_figure.common_limit([np.zeros((4, 4)), np.full((4, 4), np.nan)]) == 1


def test_what_is_not_finite_is_a_gap():
    values = np.ones((4, 4), np.float32)
    values[0, 0] = np.inf
    figure = maps_figure.strip([Layer("", values, NATS)])
    assert np.isnan(np.asarray(figure.data[0].z)[0, 0])


def test_the_band_shown_is_marked_in_the_curve():
    figure = maps_figure.curve(np.arange(5.0), np.ones((5, 3)), ("female", "doctor"), "bits", band=(-3.0, 0.5))
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(-3.0, 0.5)]


def test_bands_without_a_value_are_left_out_of_the_curve():
    values = np.ones((5, 3), np.float32)
    values[2, 0] = np.nan
    figure = maps_figure.curve(np.arange(5.0), values, ("female", "doctor"), "bits")
    assert [len(trace.x) for trace in figure.data] == [4, 5, 5]
    assert [trace.name for trace in figure.data] == ["'female'", "'doctor'", "both"]


def test_words_are_never_markup():
    drawn = maps_figure.strip([Layer("unique to '<b>x</b>'", np.ones((2, 2)), NATS)])
    assert "<b>" not in drawn.to_json()
    assert "<b>" not in maps_figure.curve(np.arange(2.0), np.ones((2, 3)), ("<b>x</b>", "y"), "nats").to_json()
    assert "<b>" not in overlay(64, 16, title="MI of '<b>x</b>'").to_json()


def test_values_are_written_to_the_digits_of_their_error():
    assert written(50.046, 1.234) == "50.0 \u00b1 1.2"
    assert written(-31.4, 0.73) == "\u221231.40 \u00b1 0.73"
    assert written(1234.5, 56.7) == "1234 \u00b1 57"
    assert written(0.1, 0.3) == f"0.10 \u00b1 0.30 {UNRELIABLE}"
    assert written(float("inf"), 1.0) == f"not finite {UNRELIABLE}"
    assert written(50.046, float("nan")) == f"50.0 \u00b1 ? {UNRELIABLE}"
    assert written(0.1176, 0.0061, kept=1) == "0.118 \u00b1 0.006"
    assert not reliable(1.0, float("nan")) and reliable(-2.0, 1.0)
    assert factor("bits") == pytest.approx(1.4427, abs=1e-4)


def test_short_colour_bars_name_their_ends():
    scales = [Scale(0.16, "nats", signed=True), Scale(0.2, "nats"), Scale(0.1, "of attention"), Scale(0.4, "squared")]
    figure = maps_figure.strip([Layer(str(n), np.ones((4, 4)), scale) for n, scale in enumerate(scales)])
    axes = [figure.layout[f"coloraxis{n or ''}"].colorbar for n in ("", 2, 3, 4)]
    assert [axis.ticktext for axis in axes] == [
        ("\u22120.16", "0", "0.16 nats"),
        ("0", "0.2 nats"),
        ("0", "0.1 of attention"),
        ("0", "0.4 squared"),
    ]


def test_numbers_are_written_as_people_write_them():
    assert [counted(number, "image") for number in (0, 1, 1200)] == ["0 images", "1 image", "1,200 images"]
    assert [rounded(value, 3) for value in (-0.0004, -0.0006, 0.5)] == ["0.000", "\u22120.001", "0.500"]
    assert written(-0.0001, 0.013) == f"0.000 \u00b1 0.013 {UNRELIABLE}"
