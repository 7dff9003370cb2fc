"""Columns of the environments of this setting: design factors, certificates, results."""

from __future__ import annotations

TASK = "task"
PREPARATION = "preparation"
N = "n"
D = "d"
SUBSAMPLE = "subsample"
LABELS = "labels"
SEED = "seed"
ENCODER = "encoder"
SEPARABLE = "separable"
MARGIN = "margin"
RADIUS = "radius"
RADIUS_OVER_MARGIN = "radius_over_margin"
SUPPORT_VECTORS = "support_vectors"
GAP = "gap"
WORST_LEFT_OUT_GAP = "worst_left_out_gap"
# |margin/margin by another solver − 1|; NaN where it was not asked
OTHER_SOLVER = "other_solver"
# mean and largest distance of unit directions, in the limit
INSTABILITY = "instability"
WORST_INSTABILITY = "worst_instability"
RESOLUTION = "resolution"
# the mean after 1e30 steps of the flow; NaN where it was not followed
FLOW = "flow_instability"
ACCURACY = "accuracy"
# share of (validation text, left-out sample) pairs that flip, and of the worst sample alone
CHURN = "churn"
WORST_CHURN = "worst_churn"
UNDECIDED = "undecided"
# share of pairs that one solve does not exclude; of validation texts that no sample flips
NOT_EXCLUDED = "not_excluded"
FIXED = "fixed"
# weight of the penalty of the regularised head that stands in where nothing separates; samples that
# were removed until a head separates the others, and how many at least have to be
STRENGTH = "strength"
REMOVED = "removed"
REMOVED_AT_LEAST = "removed_at_least"
PIVOTAL = "pivotal"  # rows of the training file, the most pivotal first
BOUND = "bound_"  # before the name of a bound on the mean instability
