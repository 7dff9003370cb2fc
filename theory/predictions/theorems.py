"""Every registered prediction as a hypothesis: the sign of one slope a draw."""

from __future__ import annotations

import pandas as pd

from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.hypothesis import hypothesize
from tunebound.theory.predictions.design import Design, Prediction, designs
from tunebound.theory.predictions.slopes import sweeps


def _claim(design: Design, prediction: Prediction) -> None:
    @hypothesize(
        prediction.name,
        statement=prediction.statement,
        source=prediction.source,
        setting="predictions",
        predicted=prediction.sign,
        scale="trend",
    )
    def effect(results: Results) -> pd.Series:
        return sweeps(results.environments, design, prediction).slopes()


for _design in designs().values():
    for _prediction in _design.predictions:
        _claim(_design, _prediction)
