"""Columns of the environments of this setting: what was run, and what came of it."""

from __future__ import annotations

TASK = "task"
METHOD = "method"
STRENGTH = "strength"  # of the method, in its own units; 0 for plain fine-tuning
N = "n"
SEED = "seed"  # of the initial head, the order of the texts and dropout
LEFT_OUT = "left_out"  # how many runs without one text belong to it
ENCODER = "encoder"
ACCURACY = "accuracy"  # on the test texts
MAJORITY = "majority"  # accuracy of the larger class of the test texts
# classes of the test texts, four to a hexadecimal digit, the first text in the highest bit
PREDICTIONS = "predictions"
PREDICTED = "predicted"  # number of test texts
LOSS = "loss"  # mean of the training batches of the last tenth of the steps
MOVED = "moved"  # ‖w_T − w_0‖ of the encoder
# of the runs without one text against that of the same seed with all; means over them
LEFT_OUT_DIRECTION = "left_out_direction"
LEFT_OUT_CLASSES = "left_out_classes"
LEFT_OUT_PREDICTIONS = "left_out_predictions"
# of the training features as the tuned encoder gives them, with a constant feature
SEPARABLE = "separable"
RADIUS_OVER_MARGIN = "radius_over_margin"
HEAD_LEFT_OUT = "head_left_out"  # mean_i ‖û_S − û_{S^i}‖ of heads on them
HEAD_BOUND = "head_bound"  # what one solve says of it: H-deletion, mean over the texts
