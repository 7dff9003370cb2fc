"""Arguments that the attack found at larger budgets than that of every run: each is refused by
name, or answered.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch

from tests.attack import judgement
from tests.attack.arguments import TABLE, valid
from tests.attack.surface import callables

CALLABLES = callables()
ENDLESS: list = []
ENDLESS.append(ENDLESS)
REFUSED = [
    ("bounds.leave_one_out_classes", "samples", ENDLESS),
    ("bounds.multi_class.anytime_plain", "radius", 1.7e308),
    ("synthetic.make_grid", "families", np.array(None)),
    ("synthetic.planting.check_gap", "stretch", 18.7),
    ("synthetic.planting.part_cloud", "balance", len),
    ("synthetic.planting.part_cloud", "balance", lambda lateral, weights: 1.0),
    ("synthetic.planting.part_cloud", "labels", np.nan),
    ("synthetic.planting.part_cloud", "labels", np.zeros(8)),
    ("theory.Theorem", "claims", torch.ones(3)),
    ("theory.Theorem", "free_constants", torch.ones(3)),
    ("theory.Theorem", "formula", float("-inf")),
    ("theory.Theorem", "rates", float("-inf")),
    ("theory.Theorem", "rates", {"n": float("nan")}),
    ("theory.certify", "content", 1e-116),
    ("theory.certify", "content", [1.0] * 8),
    ("theory.certify", "lam", 5.8e210),
    ("theory.compute", "address", ENDLESS),
    ("theory.compute", "share", 0.0),
    ("theory.compute", "share", (1, 2, 3)),
    ("theory.falsify", "output", 0.5),
    ("theory.load", "columns", [None]),
    ("theory.load", "theorems", 0),
    ("theory.load", "directory", -1),
    ("theory.merge", "directories", torch.ones(3)),
    ("theory.merge", "output", 1.0),
    ("theory.study", "theorems", torch.ones(3)),
    ("theory.study", "jobs", [None, None]),
    ("theory.verify", "jobs", np.ones(3)),
    ("theory.verify", "jobs", 0),
    ("theory.verify", "suite", -0.0),
    ("tuning.MultiHeadLoss", "scale", 1e135),
    ("tuning.PretrainedEncoder.encode", "cache", 1),
    ("tuning.PretrainedEncoder.encode", "inputs", -1),
    ("tuning.PretrainedEncoder.tokens", "texts", ENDLESS),
    ("tuning.PretrainedEncoder.encode", "inputs", np.zeros(2, dtype=[("a", "f8"), ("b", "i4")])),
    ("tuning.PretrainedEncoder.encode", "inputs", torch.eye(3).to_sparse()),
    ("tuning.fine_tune", "left_out", scipy.sparse.dia_matrix(np.eye(3))),
    ("tuning.left_out_flips", "points", np.full((4, 3), 1e300) * [1, -1, 1]),
    ("tuning.minimise_heads", "X", np.random.default_rng(0).normal(0, 1e189, (8, 3))),
    ("tuning.pretrain", "decoder_steps", 10**30),
    ("tuning.pretrain", "learning_rate", 5e70),
    ("tuning.self_unsupervised_retraining", "learning_rate", 5e70),
    ("tuning.tune_losses", "beta", 1e-241),
    ("tuning.tune_losses", "losses", int),
    ("tuning.tune_losses", "start", np.full(3, 1e200)),
    ("tuning.tune_quadratics", "start", np.full(3, 1e258)),
    ("tuning.tune_quadratics", "minimisers", np.array([[1e258] * 3] + [[0.0] * 3] * 3)),
]


@pytest.mark.parametrize(
    ("path", "name", "value"), REFUSED, ids=[f"{path}-{name}" for path, name, _ in REFUSED]
)
def test_what_was_found_is_refused_by_name(path, name, value):
    arguments = valid(path, CALLABLES[path]) | {name: value}
    if path == "tuning.left_out_flips":
        arguments["weights"] = np.full(3, 1e300)
    outcome = judgement.judge(CALLABLES[path], arguments, [name])
    assert outcome.kind == judgement.REFUSAL, outcome.said


@pytest.mark.parametrize("factor", [2.0**-1000, 2.0**-400, 2.0**900])
@pytest.mark.parametrize("path", ["angle", "ball", "deletion", "drift"])
def test_certificates_of_predictions_are_those_of_scaled_points(path, factor):
    function, arguments = CALLABLES[f"bounds.churn.{path}"], TABLE[f"bounds.churn.{path}"]()
    scaled = {**arguments, "points": arguments["points"] * factor}
    np.testing.assert_array_equal(function(**scaled), function(**arguments))


def test_the_simplex_of_countless_samples():
    # the constant tends to 1: radius/(margin n) is left
    value = CALLABLES["bounds.head.simplex_worst"](n=1.7e308, margin=1.0, radius=2.0)
    assert value == pytest.approx(2.0 / 1.7e308, rel=1e-12)
