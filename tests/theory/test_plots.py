"""Every figure draws from a small study and explains itself."""

import pytest

from theory import plots
from theory.reporting import CAPTIONS


@pytest.mark.parametrize("name", plots.FIGURES)
def test_figures_have_axis_labels_titles_and_a_caption(name, results, tmp_path):
    figure = plots.FIGURES[name](results)
    figure.savefig(tmp_path / "figure.png")
    drawn = [axis for axis in figure.axes if axis.axison and axis.has_data()]
    assert drawn
    titles = [axis.get_title() for axis in drawn] + [figure.get_suptitle()]
    assert any(titles)
    assert figure.get_supxlabel() or drawn[0].get_xlabel()
    assert figure.get_supylabel() or drawn[0].get_ylabel()
    assert name in CAPTIONS


def test_points_of_the_scatter_are_the_rows(results):
    figure = plots.bound_against_measured(results)
    (panel,) = [axis for axis in figure.axes if axis.get_title() == "H-anytime"]
    shown = sum(len(line.get_xdata()) for line in panel.get_lines() if line.get_marker() == "o")
    rows = results.rows[results.rows["theorem"] == "H-anytime"]
    last = rows[rows["steps"] == rows["steps"].max()]
    assert shown == (last["measured"] > 0).sum()
