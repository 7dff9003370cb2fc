"""The tuning algorithms under study, batched over data sets and left-out samples."""

from typing import TYPE_CHECKING, Any

from tuning import arguments, instability
from tuning.curvature import Curvature, Estimate, Minimiser, estimate_minimiser, network_curvature, path_lipschitz
from tuning.encoders import SequenceClassifier, TokenEncoder, TokenMLP, TokenTransformer
from tuning.fine_tuned import FineTuned
from tuning.fine_tuning import fine_tune
from tuning.flow import flow_heads
from tuning.full import FullRun, tune_losses, tune_quadratics
from tuning.head_run import HeadRun
from tuning.heads import learning_rate_limits, tune_heads
from tuning.margin_regularizer import MaximalMarginRegularizer
from tuning.methods import Method, methods
from tuning.multi_head import MultiHeadLoss
from tuning.networks import tune_networks
from tuning.pretraining import Pretraining, pretrain
from tuning.reconstruction import MaskedEncoder
from tuning.retraining import Retraining, self_unsupervised_retraining

if TYPE_CHECKING:
    from tuning.estimators import HeadTuningClassifier, MultiHeadClassifier

__all__ = [
    "Curvature",
    "Estimate",
    "FineTuned",
    "FullRun",
    "HeadRun",
    "HeadTuningClassifier",
    "MaskedEncoder",
    "MaximalMarginRegularizer",
    "Method",
    "Minimiser",
    "MultiHeadClassifier",
    "MultiHeadLoss",
    "Pretraining",
    "Retraining",
    "SequenceClassifier",
    "TokenEncoder",
    "TokenMLP",
    "TokenTransformer",
    "arguments",
    "estimate_minimiser",
    "fine_tune",
    "flow_heads",
    "instability",
    "learning_rate_limits",
    "methods",
    "network_curvature",
    "path_lipschitz",
    "pretrain",
    "self_unsupervised_retraining",
    "tune_heads",
    "tune_losses",
    "tune_networks",
    "tune_quadratics",
]


def __getattr__(name: str) -> Any:
    # The classifiers alone need scikit-learn, which takes a second to import; every process of a study would wait for it.
    if name in ("HeadTuningClassifier", "MultiHeadClassifier"):
        from tuning import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
