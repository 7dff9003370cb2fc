"""The published multi-head bound, as stated."""

from theory.assumptions import SEPARABLE
from theory.settings.multi_head import MultiHeadEvidence
from theory.statement import Claim, theorem


@theorem(
    "P-Multi",
    statement="for H > 2 + 8 ln(1/δ), with probability 1 − δ, mean_i ‖û_S(t) − û_{S^i}(t)‖ ≤ √((2 + 8 ln(1/δ))/H) C ξ ln ln t/ln t "
    "+ ν max{√((2/(λn))(1 + B/γ)), (B + √(B² + 8nλ(1 + B/γ)))/(2nλ)} for some constants C, ξ, λ, ν",
    source="Fu, So & Collier, arXiv:2301.09820, multi-head loss",
    setting="multi-head",
    assumptions=(SEPARABLE,),
    free_constants=("C", "ξ", "λ", "ν"),
    maximum=2,
)
def published(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    """Without values for its constants the statement claims nothing of any data set."""
    return ()
