"""The rate inside the published head-tuning bound: does ln ln t/ln t, fitted early, bound the direction error later?"""

import numpy as np

from bounds import constants
from theory.assumptions import LONG_RUN, SEPARABLE
from theory.settings.head import HeadEvidence, early_and_late
from theory.statement import Claim, theorem


@theorem(
    "P-Head-first-term",
    statement="‖ŵ_S(t) − û_S‖ + mean_i ‖ŵ_{S^i}(t) − û_{S^i}‖ ≤ C ln ln t/ln t with C fitted on e^e ≤ t ≤ √T, for √T < t ≤ T",
    source="Fu, So & Collier, arXiv:2301.09820, first term of the head-tuning bound",
    setting="head",
    assumptions=(SEPARABLE, LONG_RUN),
    rates={"ln ln t/ln t": 1},
    maximum=4,
)
def first_term(evidence: HeadEvidence) -> tuple[Claim, ...]:
    early, late = early_and_late(evidence.run.steps)
    steps, error = evidence.run.steps, evidence.direction_error_sum
    constant = constants.fit_direction_constant(steps[early], error[early]).value
    bound = constant * np.log(np.log(steps[late])) / np.log(steps[late])
    resolution = evidence.run_resolution[late] + 2 * evidence.limit_resolution.max()
    return (Claim(error[late], bound, steps[late], resolution, "fitted", "direction error of S plus mean over S^i"),)
