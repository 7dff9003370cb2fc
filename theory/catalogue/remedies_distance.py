"""Self unsupervised re-training is to bring the start of fine-tuning closer to where it ends."""

import pandas as pd

from theory.hypothesis import hypothesize
from theory.remedies.comparison import paired
from theory.study import Results


@hypothesize(
    "R-retraining-distance",
    statement="re-training on the task's own inputs shortens ‖w_0 − w*‖ of the encoder",
    source="Fu, So & Collier (arXiv:2301.09820): the bound of full tuning grows with √‖w_0 − w*‖, which re-training is to shorten",
    setting="remedies",
    predicted=-1,
)
def distance(results: Results) -> pd.Series:
    return paired(results.environments, "to_minimiser", "self_unsupervised")
