"""Columns of the environments of this setting: design factors, certificates, results."""

from __future__ import annotations

CLOUD = "cloud"
N = "n"
D = "d"
OVERLAP = "overlap"
GAP = "gap"
SEED = "seed"
SEPARABLE = "separable"
RADIUS = "radius"
MARGIN = "margin"
# largest distance from a true minimiser, certified, and measured against the planted one
SOLVER_ERROR = "solver_error"
PLANTED_ERROR = "planted_error"
CERTIFIED = "certified"
RELATIVE_ERROR = "certified_relative_error"
FLIPPED = "flipped"
CERTIFIED_LABELS = "certified_labels"
LARGEST_INSTABILITY = "largest_instability"
