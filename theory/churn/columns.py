"""Columns of the environments of this setting: design factors, then shares of what was counted."""

from __future__ import annotations

FAMILY = "family"
N = "n"
D = "d"
MARGIN = "margin"
RADIUS = "radius"
SEED = "seed"
POINTS = "points"
STEPS = "last_step"
GAP = "gap"
WORST_LEFT_OUT_GAP = "worst_left_out_gap"
UNDECIDED = "undecided"
FLIPPED = "flipped"
ANGLE = "certified_by_angle"
BALL = "certified_by_ball"
FLIPPED_AT_STEP = "flipped_at_step"
DRIFT = "certified_by_drift"
# shares of points that no single left-out sample flips in the limit: certified, and measured
SAFE_POINTS = "points_certified_for_all"
UNMOVED_POINTS = "points_that_none_flips"
LEAVE_ONE_OUT_ERRORS = "leave_one_out_errors"
