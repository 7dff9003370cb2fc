"""Plain text as a page shows it, against what a typesetter would make of it by hand."""

import numpy as np
import pytest

from tunebound.theory.engine.ticks import MOST_TICKS, round_ticks
from tunebound.theory.engine.typesetting import typeset


@pytest.mark.parametrize(
    ("plain", "printed"),
    [
        ("up to t = 1e+30.", "up to t = 10<sup>30</sup>."),
        ("a gap of 3.4e-15; more", "a gap of 3.4·10<sup>−15</sup>; more"),
        ("from t = 10^14.3 on", "from t = 10<sup>14.3</sup> on"),
        ("10^1.8e+10", "10<sup>1.8·10<sup>10</sup></sup>"),
        ("like n^-1/2", "like n<sup>−1/2</sup>"),
        ("2/(β σ_max(X))", "2/(β σ<sub>max</sub>(X))"),
        ("w_S ln t + w̃_k", "w<sub>S</sub> ln t + w̃<sub>k</sub>"),
        ("‖û_{S^i}‖", "‖û<sub>S<sup>i</sup></sub>‖"),
        ("min_j z_jᵀw", "min<sub>j</sub> z<sub>j</sub>ᵀw"),
        ("[-0.034, +1]", "[−0.034, +1]"),
        ("92% of 5 %", "92\u202f% of 5\u202f%"),
        ("a < b & c", "a &lt; b &amp; c"),
    ],
)
def test_what_is_written_plainly_is_printed(plain, printed):
    assert typeset(plain) == printed


@pytest.mark.parametrize(
    "name",
    [
        "near_duplicates-n16-d5",
        "--set step_limit=published",
        "H-limit, n-2 and 1-8",
        "arXiv:2301.09820",
        "docs/head_tuning.md",
        "log10 t",
    ],
)
def test_names_stay_as_they_are(name):
    assert typeset(name) == name


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.65, 1.05, [0.7, 0.8, 0.9, 1.0]),
        (12.1, 43, [20, 30, 40]),
        (0.9, 120, [1, 3, 10, 30, 100]),
        (0.97, 1.5, [1, 1.2, 1.5]),
        (5e-4, 2e3, [0.01, 1, 100]),
    ],
)
def test_a_short_logarithmic_side_has_round_numbers(low, high, ticks):
    found = round_ticks(low, high)
    assert len(found) <= MOST_TICKS
    assert set(ticks) <= set(found)
    assert all(low <= tick <= high for tick in found)


@pytest.mark.parametrize("low", np.geomspace(0.003, 3, 40))
@pytest.mark.parametrize("factor", [1.3, 2, 4.6, 6, 30, 900])
def test_labels_of_a_short_logarithmic_side_do_not_touch(low, factor):
    places = np.log(np.array(round_ticks(low, low * factor)) / low) / np.log(factor)
    assert len(places) >= 2
    assert np.diff(places).min(initial=1) >= 0.16
