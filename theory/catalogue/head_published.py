"""The published head-tuning bound, as stated."""

from theory.assumptions import SEPARABLE
from theory.settings.head import HeadEvidence
from theory.statement import Claim, theorem


@theorem(
    "P-Head",
    statement="mean_i ‖û_S(t) − û_{S^i}(t)‖ ≤ C ln ln t/ln t + ν max{√((2/(λn))(1 + B/γ)), "
    "(B + √(B² + 8nλ(1 + B/γ)))/(2nλ)} for some constants C, λ, ν",
    source="Fu, So & Collier, arXiv:2301.09820, head tuning",
    setting="head",
    assumptions=(SEPARABLE,),
    free_constants=("C", "λ", "ν"),
    maximum=2,
)
def published(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Without values for its constants the statement claims nothing of any data set."""
    return ()
