"""Figures: the map lies on its image, maps that are compared share a scale, and the payload stays small."""

import numpy as np
import pytest

from pages.common import figures
from pages.common.quantities import QUANTITIES, UNRELIABLE, factor, reliable, written
from tests import synthetic


def overlay(size: int, grid: int, **changes):
    record = synthetic.record(size=size, grid=grid, seeds=(0,))
    estimate = record.pairs[0].decompositions["pid"].redundancy
    options = {"label": "redundant", "unit": "nats", "limit": 2.0, "signed": False, "opacity": 0.6} | changes
    return figures.overlay(record.images[0], estimate.map[0], estimate.map_se[0], **options)


def extent(trace, length: int) -> tuple[float, float]:
    return trace.x0 - trace.dx / 2, trace.x0 + trace.dx * (length - 0.5)


@pytest.mark.parametrize(("size", "grid"), [(64, 16), (512, 64), (1024, 128), (512, 16)])
def test_map_covers_exactly_the_image(size, grid):
    image, heatmap = overlay(size, grid).data
    edges = (-0.5, size - 0.5)
    assert extent(heatmap, grid) == pytest.approx(edges)
    assert extent(image, min(size, figures.LARGEST)) == pytest.approx(edges)
    assert (heatmap.y0, heatmap.dy) == (heatmap.x0, heatmap.dx) == ((size / grid - 1) / 2, size / grid)
    layout = overlay(size, grid).layout
    assert layout.xaxis.range == edges and layout.yaxis.range == edges[::-1]


def test_a_known_cell_lies_on_its_pixels():
    values = np.zeros((16, 16), np.float32)
    values[2, 5] = 1
    options = {"label": "", "unit": "nats", "limit": 1, "signed": False, "opacity": 1}
    heatmap = figures.overlay(np.zeros((64, 64, 3), np.uint8), values, values, **options).data[1]
    row, column = np.argwhere(np.asarray(heatmap.z) == 1)[0]
    assert heatmap.x0 + column * heatmap.dx == 21.5  # the middle of pixels 20 to 23
    assert heatmap.y0 + row * heatmap.dy == 9.5


@pytest.mark.parametrize(("size", "grid"), [(64, 16), (512, 64), (1024, 128)])
def test_an_overlay_stays_below_300_kib(size, grid):
    assert len(overlay(size, grid).to_json()) < 300 * 1024


def panels():
    record = synthetic.record(together=0.7, seeds=(0,))
    decomposition = record.pairs[0].decompositions["pid"]
    return [
        figures.Panel(quantity.title(("female", "doctor")), quantity.of(decomposition).map[0], quantity.signed("mmi"))
        for quantity in QUANTITIES.values()
    ]


def test_all_panels_share_one_limit_and_signed_ones_are_symmetric():
    drawn = panels()
    limit = figures.common_limit([panel.values for panel in drawn])
    figure = figures.strip(drawn, limit, "nats")
    plain, signed = figure.layout.coloraxis, figure.layout.coloraxis2
    assert (plain.cmin, plain.cmax) == (0, limit)
    assert (signed.cmin, signed.cmax) == (-limit, limit)
    axes = [trace.coloraxis for trace in figure.data]
    assert axes == ["coloraxis2" if panel.title == "synergy" else "coloraxis" for panel in drawn]
    assert figures.DIVERGING[2] == (0.5, "#f7f7f7")


def test_signed_overlay_is_symmetric_about_zero():
    heatmap = overlay(64, 16, signed=True).data[1]
    assert (heatmap.zmin, heatmap.zmax) == (-2.0, 2.0)


def test_panels_do_not_overlap():
    figure = figures.strip(panels(), 1.0, "nats")
    domains = [axis.domain for axis in figure.select_xaxes()]
    assert len(domains) == len(QUANTITIES)
    assert all(left[1] < right[0] for left, right in zip(domains, domains[1:], strict=False))
    assert domains[0][0] == 0 and domains[-1][1] == pytest.approx(1)


def test_the_limit_is_robust_and_knows_odd_maps():
    values = np.ones((100, 100))
    values[0, 0] = 1000
    values[1, 1] = np.inf
    assert figures.common_limit([values]) == 1
    assert figures.common_limit([-3 * np.ones((4, 4))]) == 3
    assert figures.common_limit([np.zeros((4, 4)), np.full((4, 4), np.nan)]) == 1


def test_what_is_not_finite_is_a_gap():
    values = np.ones((4, 4), np.float32)
    values[0, 0] = np.inf
    figure = figures.strip([figures.Panel("", values, False)], 1.0, "nats")
    assert np.isnan(np.asarray(figure.data[0].z)[0, 0])


def test_bands_without_a_value_are_left_out_of_the_curve():
    values = np.ones((5, 3), np.float32)
    values[2, 0] = np.nan
    figure = figures.curve(np.arange(5.0), values, ("female", "doctor"), "bits")
    assert [len(trace.x) for trace in figure.data] == [4, 5, 5]
    assert [trace.name for trace in figure.data] == ["'female'", "'doctor'", "both"]


def test_words_are_never_markup():
    drawn = figures.strip([figures.Panel("unique to '<b>x</b>'", np.ones((2, 2)), False)], 1.0, "nats")
    assert "<b>" not in drawn.to_json()
    assert "<b>" not in figures.curve(np.arange(2.0), np.ones((2, 3)), ("<b>x</b>", "y"), "nats").to_json()
    assert "<b>" not in overlay(64, 16, label="MI of '<b>x</b>'").to_json()


def test_values_are_written_to_the_digits_of_their_error():
    assert written(50.046, 1.234) == "50.0 \u00b1 1.2"
    assert written(-31.4, 0.73) == "\u221231.40 \u00b1 0.73"
    assert written(1234.5, 56.7) == "1234 \u00b1 57"
    assert written(0.1, 0.3) == f"0.10 \u00b1 0.30 {UNRELIABLE}"
    assert written(float("inf"), 1.0) == f"not finite {UNRELIABLE}"
    assert not reliable(1.0, float("nan")) and reliable(-2.0, 1.0)
    assert factor("bits") == pytest.approx(1.4427, abs=1e-4)
