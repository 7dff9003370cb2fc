"""The tuning algorithms under study, batched over data sets and left-out samples."""

import os
from typing import TYPE_CHECKING, Any

from tunebound.tuning import instability
from tunebound.tuning.arguments import torch_device
from tunebound.tuning.encoders.masked_language import MaskedLanguageEncoder
from tunebound.tuning.encoders.pretrained import PretrainedEncoder, pretrained
from tunebound.tuning.encoders.pretraining import Pretraining, pretrain
from tunebound.tuning.encoders.reconstruction import MaskedEncoder
from tunebound.tuning.encoders.retraining import Retraining, self_unsupervised_retraining
from tunebound.tuning.encoders.tokens import (
    SequenceClassifier,
    TokenEncoder,
    TokenMLP,
    TokenTransformer,
)
from tunebound.tuning.fine_tuning.margin_regularizer import MaximalMarginRegularizer
from tunebound.tuning.fine_tuning.methods import (
    Method,
    RateFactors,
    ReplicaState,
    StrengthRange,
    find_method,
    methods,
    register_method,
)
from tunebound.tuning.fine_tuning.multi_head_loss import MultiHeadLoss
from tunebound.tuning.fine_tuning.run import FineTuned
from tunebound.tuning.fine_tuning.text_classifier import TextClassifier
from tunebound.tuning.fine_tuning.tune import fine_tune
from tunebound.tuning.full.curvature import (
    Curvature,
    Estimate,
    Minimiser,
    estimate_minimiser,
    network_curvature,
    path_lipschitz,
)
from tunebound.tuning.full.networks import tune_networks
from tunebound.tuning.full.quadratics import FullRun, tune_losses, tune_quadratics
from tunebound.tuning.heads.batches import minibatches
from tunebound.tuning.heads.churn import left_out_flips
from tunebound.tuning.heads.flow.follow import (
    DESCENT_STEPS,
    LATEST_STEP,
    flow_heads,
    flow_records,
)
from tunebound.tuning.heads.minimisers import MinimisedHeads, minimise_heads
from tunebound.tuning.heads.optimisers import (
    Adam,
    GradientDescent,
    HeavyBall,
    Nesterov,
    Optimiser,
)
from tunebound.tuning.heads.run import HeadRun
from tunebound.tuning.heads.step_limits import learning_rate_limits
from tunebound.tuning.heads.tune import tune_heads
from tunebound.tuning.recording import record_steps

# For MKL, before its first product: sums then do not depend on where in memory a data set lies.
os.environ.setdefault("MKL_CBWR", "AUTO")

if TYPE_CHECKING:
    from tunebound.tuning.heads.estimators import HeadTuningClassifier, MultiHeadClassifier

__all__ = [
    "DESCENT_STEPS",
    "LATEST_STEP",
    "Adam",
    "Curvature",
    "Estimate",
    "FineTuned",
    "FullRun",
    "GradientDescent",
    "HeadRun",
    "HeadTuningClassifier",
    "HeavyBall",
    "MaskedEncoder",
    "MaskedLanguageEncoder",
    "MaximalMarginRegularizer",
    "Method",
    "MinimisedHeads",
    "Minimiser",
    "MultiHeadClassifier",
    "MultiHeadLoss",
    "Nesterov",
    "Optimiser",
    "PretrainedEncoder",
    "Pretraining",
    "RateFactors",
    "ReplicaState",
    "Retraining",
    "SequenceClassifier",
    "StrengthRange",
    "TextClassifier",
    "TokenEncoder",
    "TokenMLP",
    "TokenTransformer",
    "estimate_minimiser",
    "find_method",
    "fine_tune",
    "flow_heads",
    "flow_records",
    "instability",
    "learning_rate_limits",
    "left_out_flips",
    "methods",
    "minibatches",
    "minimise_heads",
    "network_curvature",
    "path_lipschitz",
    "pretrain",
    "pretrained",
    "record_steps",
    "register_method",
    "self_unsupervised_retraining",
    "torch_device",
    "tune_heads",
    "tune_losses",
    "tune_networks",
    "tune_quadratics",
]


def __getattr__(name: str) -> Any:
    # The classifiers alone need scikit-learn, which takes a second to import; every process of a
    # study would wait for it.
    if name in ("HeadTuningClassifier", "MultiHeadClassifier"):
        from tunebound.tuning.heads import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
