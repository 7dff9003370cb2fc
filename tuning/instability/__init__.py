"""How far repeated fine-tuning runs differ: measures of scores, predictions and representations
over R runs, and of runs against the runs of the same seeds without one sample.

Every measure is 0 for runs that agree and grows with their differences. The measures over random
seeds are after Du & Nguyen, "Measuring the Instability of Fine-Tuning", ACL 2023
(arXiv:2302.07778); compared with their code (github.com/nlpsoc/instability_measurement),
disagreement, Jensen–Shannon divergence and the Procrustes distance are the same, and there are
these differences:

- `cka_distance` is that of the plain alignment, theirs of the debiased one: `debiased=True`.
- `svcca_distance` keeps 99 % of the variance of centred features, as Raghu et al. (2017); theirs
  keeps 99 % of the sum of singular values of features that were not centred:
  `kept="singular values", centred=False`.
- `score_deviation` divides by R − 1, theirs by R: `ddof=0`.
- `kappa_distance` is that of Fleiss (1971). The function in their notebook sums the counts over the
  classes of an input instead of over the inputs of a class, so that its chance agreement is 1/N for
  N inputs, whatever was predicted; there is no option for that.
"""

from tunebound.tuning.instability.leaving_out import (
    left_out_direction,
    left_out_disagreement,
    left_out_distance,
)
from tunebound.tuning.instability.predictions import (
    disagreement,
    jensen_shannon,
    kappa_distance,
    score_deviation,
)
from tunebound.tuning.instability.representations import (
    cka_distance,
    procrustes_distance,
    svcca_distance,
)

__all__ = [
    "cka_distance",
    "disagreement",
    "jensen_shannon",
    "kappa_distance",
    "left_out_direction",
    "left_out_disagreement",
    "left_out_distance",
    "procrustes_distance",
    "score_deviation",
    "svcca_distance",
]
