"""D ≤ mean of Deletion ≤ κ(ρ)ρ/n ≤ √(32/27)ρ/n on the separable data of every setting of heads."""

import numpy as np
import pytest

from tunebound import bounds, theory
from tunebound.bounds import head

SUITES = [
    ("head", "smoke"),
    ("churn", "smoke"),
    ("multi-head", "standard"),
    ("stochastic-heads", "standard"),
    ("regularised-heads", "standard"),
]


def separable_members(name, suite):
    setting = theory.find_setting(name)
    for member in setting.suite(suite, 0, setting.options()):
        data = getattr(member, "data", member)
        try:
            yield data.X, data.y, bounds.max_margin(data.X, data.y)
        except bounds.NotSeparableError:
            continue


@pytest.mark.parametrize(("name", "suite"), SUITES)
def test_the_chain_holds_on_every_separable_member(name, suite):
    seen = 0
    for X, y, s in separable_members(name, suite):
        if min((y > 0).sum(), (y < 0).sum()) < 2:
            continue
        seen += 1
        n, norms = len(y), np.linalg.norm(X, axis=1)
        others = bounds.leave_one_out_separators(X, y, s).weights
        units = others / np.linalg.norm(others, axis=1, keepdims=True)
        distance = np.linalg.norm(units - s.direction, axis=1)
        deletion = head.deletion(margin=s.margin, dual=s.dual, norms=norms)
        limit = head.limit(n=n, margin=s.margin, radius=norms.max())
        assert np.all(distance <= deletion + 1e-9)
        assert deletion.mean() <= limit * (1 + 1e-12)
        assert limit <= np.sqrt(32 / 27) * norms.max() / (s.margin * n) * (1 + 1e-12)
    assert seen >= 5
