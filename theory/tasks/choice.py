"""Which subsamples of a study are looked at."""

from __future__ import annotations

import pandas as pd

from tunebound.theory.tasks import columns
from tunebound.theory.tasks.members import FOREMOST, OWN


def separable(environments: pd.DataFrame) -> pd.DataFrame:
    """Those that a head separates."""
    return environments[environments[columns.SEPARABLE].astype(bool)]


def foremost(environments: pd.DataFrame) -> pd.DataFrame:
    """Those with features as the encoder gives them and the texts' own labels."""
    chosen = environments[columns.PREPARATION] == FOREMOST
    return environments[chosen & (environments[columns.LABELS] == OWN)]
