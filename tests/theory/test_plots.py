"""Every figure draws from a small study and explains itself."""

from dataclasses import replace

import pytest

from tunebound import synthetic, theory
from tunebound.theory.engine import computing
from tunebound.theory.engine import scatter as plots
from tunebound.theory.engine.looks import look
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.head import figures as head


@pytest.fixture(scope="module")
def sweep():
    """Three families that differ in n, d or B/γ only, which both margin and radius change."""
    setting = find_setting("head")
    sets = [
        synthetic.make_separable(family, n=n, d=d, margin=margin, radius=radius)
        for family in ("gaussian", "ball", "laplace")
        for n, d, margin, radius in (
            (10, 3, 0.5, 4.0),
            (20, 3, 0.5, 4.0),
            (10, 3, 0.25, 4.0),
            (10, 3, 0.5, 8.0),
            (10, 4, 0.5, 4.0),
        )
    ]
    options = computing.checked_options(setting, {})
    known = [theorem for theorem in theory.theorems("head").values() if not theorem.free_constants]
    shapes = [
        [number for number, data in enumerate(sets) if (data.n, data.d) == shape]
        for shape in ((10, 3), (20, 3), (10, 4))
    ]
    return computing.concatenate(
        [
            computing.examine(setting, chosen, options, known, numbers, chosen)
            for numbers in shapes
            for chosen in ([sets[number] for number in numbers],)
        ]
    )


HEAD = find_setting("head").presentation()


@pytest.mark.parametrize("name", HEAD.illustrations)
def test_figures_have_axis_labels_titles_and_a_caption(name, sweep, tmp_path):
    illustration = HEAD.figures(sweep)[name]
    figure = illustration.draw(sweep)
    figure.savefig(tmp_path / "figure.png")
    drawn = [axis for axis in figure.axes if axis.axison and axis.has_data()]
    assert drawn
    titles = [axis.get_title() for axis in drawn] + [figure.get_suptitle()]
    assert any(titles)
    assert figure.get_supxlabel() or drawn[0].get_xlabel()
    assert figure.get_supylabel() or drawn[0].get_ylabel()
    assert illustration.caption.endswith(".")


def test_points_of_the_scatter_are_the_rows(results):
    figure = plots.bound_against_measured(results)
    (panel,) = [axis for axis in figure.axes if axis.get_title() == "H-anytime"]
    marker = look("H-anytime")["marker"]
    shown = sum(len(line.get_xdata()) for line in panel.get_lines() if line.get_marker() == marker)
    rows = results.rows[results.rows["theorem"] == "H-anytime"]
    last = rows[rows["steps"] == rows["steps"].max()]
    assert shown == (last["measured"] > 0).sum()


def test_no_violation_lies_outside_of_the_scatter(results):
    low = results.rows.copy()
    low.loc[low["theorem"] == "H-anytime", "bound"] = 1e-4
    figure = plots.bound_against_measured(replace(results, rows=low))
    (panel,) = [axis for axis in figure.axes if axis.get_title() == "H-anytime"]
    marker = look("H-anytime")["marker"]
    for line in panel.get_lines():
        if line.get_marker() == marker and len(line.get_xdata()):
            for values, (least, most) in (
                (line.get_xdata(), panel.get_xlim()),
                (line.get_ydata(), panel.get_ylim()),
            ):
                assert least < min(values) <= max(values) < most


def test_figures_against_a_factor_need_one_that_varies(results):
    assert not {name for name in HEAD.figures(results) if name.startswith("instability-against")}


@pytest.mark.parametrize("factor", ["n", "radius_over_margin"])
def test_sweeps_show_medians_over_families(sweep, factor):
    figure = head.ladder(sweep, factor)
    (line,) = [
        line
        for line in figure.axes[0].get_lines()
        if line.get_label() == "H-anytime-plain (step t)"
    ]
    values = {"n": [10, 20], "radius_over_margin": [8.0, 16.0]}[factor]
    assert list(line.get_xdata()) == values
    expected = [2 * 8 / n if factor == "n" else 2 * n / 10 for n in values]
    assert line.get_ydata() == pytest.approx(expected, rel=1e-9)
