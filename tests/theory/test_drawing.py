"""Figures as files: those that are named, of the size that is asked for, with what is in them."""

import re
import struct
import xml.etree.ElementTree as ET

import pytest
from matplotlib.colors import to_hex

from tunebound import theory
from tunebound.theory.engine.drawing import draw_figures
from tunebound.theory.engine.exploring import chart
from tunebound.theory.engine.looks import MARKERS, look
from tunebound.theory.engine.setting import find_setting


def inches(path):
    """Width and height of a png, at the resolution it is written with."""
    wide, high = struct.unpack(">II", path.read_bytes()[16:24])
    return wide / 150, high / 150


def words(path):
    return {
        (each.text or "").strip()
        for each in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")
    }


def test_only_the_named_figure_and_theorems_are_drawn(study_directory, tmp_path):
    (path,) = draw_figures(
        study_directory,
        tmp_path,
        form="svg",
        only=["bound-against-measured"],
        theorems=["H-limit", "H-anytime"],
    )
    assert path.name == "bound-against-measured.svg"
    assert {"H-limit", "H-anytime"} <= words(path)
    assert not words(path) & {"H-free", "H-support", "P-Head-certified"}


@pytest.mark.parametrize(
    ("asked", "width"),
    [({"style": "column"}, 3.35), ({"style": "talk"}, 13.3), ({"width": 5.0}, 5.0)],
)
def test_a_figure_has_the_width_that_is_asked_for(asked, width, study_directory, tmp_path):
    (path,) = draw_figures(study_directory, tmp_path, only=["instability-along-steps"], **asked)
    assert inches(path)[0] == pytest.approx(width, abs=0.02)


def test_in_one_column_nothing_is_cut_and_names_do_not_overlap(study_directory, tmp_path):
    names = ["tightness-by-family", "asymptotics"]
    for path in draw_figures(study_directory, tmp_path, form="svg", only=names, style="column"):
        page = ET.parse(path)
        wide = float(page.getroot().get("viewBox").split()[2])
        for each in page.iter("{http://www.w3.org/2000/svg}text"):
            place = re.search(r"translate\(([-\d.]+)", each.get("transform") or "")
            assert place is None or 0 <= float(place[1]) <= wide, each.text
    assert "gaussian" in words(tmp_path / "tightness-by-family.svg")
    assert not {"0.046", "0.29"} & words(tmp_path / "tightness-by-family.svg"), "no cell holds them"


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"only": ["bound"]}, "no figure is named 'bound'"),
        ({"theorems": ["H-limits"]}, "did you mean 'H-limit'"),
        ({"style": "poster"}, "--style"),
        ({"form": "gif"}, "--format"),
        ({"width": 0.0}, "--width"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_a_file_is_written(
    asked, complaint, study_directory, tmp_path
):
    with pytest.raises(ValueError, match=complaint):
        list(draw_figures(study_directory, tmp_path / "figures", **asked))
    assert not (tmp_path / "figures").exists()


def test_no_two_theorems_of_a_setting_look_alike():
    for setting in theory.settings():
        looks = [tuple(look(name).values()) for name in theory.theorems(setting)]
        assert len(set(looks)) == len(looks), setting


def test_a_theorem_looks_the_same_in_every_figure_and_in_the_chart(results):
    presentation = find_setting("head").presentation()
    seen = 0
    for name in presentation.figures(results):
        for axis in presentation.draw(name, results).axes:
            for line in axis.get_lines():
                theorem = re.match(r"[HP]-[\w-]+", str(line.get_label()))
                if theorem:
                    shown = {"color": to_hex(line.get_color()), "marker": line.get_marker()}
                    assert shown == look(theorem[0]), (name, theorem[0])
                    seen += 1
    assert seen > 10
    encoding = chart(results, {}, ("family", "n"), presentation)["hconcat"][0]["layer"][1][
        "encoding"
    ]
    for channel, part, called in (
        ("stroke", "color", str),
        ("shape", "marker", MARKERS.get),
    ):
        scale = encoding[channel]["scale"]
        for theorem, shown in zip(scale["domain"], scale["range"], strict=True):
            assert shown == called(look(theorem)[part])
