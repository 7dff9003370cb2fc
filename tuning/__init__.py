"""The tuning algorithms under study, batched over data sets and left-out samples.

Names are loaded when they are first used: what reads results does not wait for PyTorch, nor what
tunes for scikit-learn.
"""

import os
from typing import TYPE_CHECKING

from tunebound._ground.importing import when_used
from tunebound.tuning import instability

# For MKL, before its first product: sums then do not depend on where in memory a data set lies.
os.environ.setdefault("MKL_CBWR", "AUTO")

if TYPE_CHECKING:
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
    from tunebound.tuning.heads.estimators import HeadTuningClassifier, MultiHeadClassifier
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

_MODULES = {
    "DESCENT_STEPS": "heads.flow.follow",
    "LATEST_STEP": "heads.flow.follow",
    "Adam": "heads.optimisers",
    "Curvature": "full.curvature",
    "Estimate": "full.curvature",
    "FineTuned": "fine_tuning.run",
    "FullRun": "full.quadratics",
    "GradientDescent": "heads.optimisers",
    "HeadRun": "heads.run",
    "HeadTuningClassifier": "heads.estimators",
    "HeavyBall": "heads.optimisers",
    "MaskedEncoder": "encoders.reconstruction",
    "MaskedLanguageEncoder": "encoders.masked_language",
    "MaximalMarginRegularizer": "fine_tuning.margin_regularizer",
    "Method": "fine_tuning.methods",
    "MinimisedHeads": "heads.minimisers",
    "Minimiser": "full.curvature",
    "MultiHeadClassifier": "heads.estimators",
    "MultiHeadLoss": "fine_tuning.multi_head_loss",
    "Nesterov": "heads.optimisers",
    "Optimiser": "heads.optimisers",
    "PretrainedEncoder": "encoders.pretrained",
    "Pretraining": "encoders.pretraining",
    "RateFactors": "fine_tuning.methods",
    "ReplicaState": "fine_tuning.methods",
    "Retraining": "encoders.retraining",
    "SequenceClassifier": "encoders.tokens",
    "StrengthRange": "fine_tuning.methods",
    "TextClassifier": "fine_tuning.text_classifier",
    "TokenEncoder": "encoders.tokens",
    "TokenMLP": "encoders.tokens",
    "TokenTransformer": "encoders.tokens",
    "estimate_minimiser": "full.curvature",
    "find_method": "fine_tuning.methods",
    "fine_tune": "fine_tuning.tune",
    "flow_heads": "heads.flow.follow",
    "flow_records": "heads.flow.follow",
    "learning_rate_limits": "heads.step_limits",
    "left_out_flips": "heads.churn",
    "methods": "fine_tuning.methods",
    "minibatches": "heads.batches",
    "minimise_heads": "heads.minimisers",
    "network_curvature": "full.curvature",
    "path_lipschitz": "full.curvature",
    "pretrain": "encoders.pretraining",
    "pretrained": "encoders.pretrained",
    "record_steps": "recording",
    "register_method": "fine_tuning.methods",
    "self_unsupervised_retraining": "encoders.retraining",
    "torch_device": "arguments",
    "tune_heads": "heads.tune",
    "tune_losses": "full.quadratics",
    "tune_networks": "full.networks",
    "tune_quadratics": "full.quadratics",
}

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

__getattr__, __dir__ = when_used(__name__, _MODULES)
