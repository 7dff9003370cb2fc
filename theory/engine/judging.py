"""The verdicts on a study in its directory."""

from __future__ import annotations

import os
from pathlib import Path

from tunebound._ground.storage import sweep
from tunebound.theory.engine import computing
from tunebound.theory.engine.manifests import members_again, read_manifest
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.engine.statement import theorems
from tunebound.theory.engine.verdict import Verdict, judge_together
from tunebound.theory.engine.verification import with_counterexample


def judge_all(directory: str | os.PathLike[str], results: computing.Results) -> list[Verdict]:
    """The verdict on every theorem of the study, published ones first; counterexamples are stored
    in the directory.
    """
    manifest = read_manifest(directory)
    setting = find_setting(manifest["setting"])
    judged = {
        name: known
        for name, known in theorems(setting.name).items()
        if name in manifest["theorems"]
    }
    target = Path(directory) / "counterexamples"
    ordered = sorted(judged, key=lambda name: (not name.startswith("P-"), name))
    verdicts = judge_together(setting, [judged[name] for name in ordered], results)
    if not any(verdict.violation for verdict in verdicts):
        return verdicts
    sweep(target)
    members = members_again(Path(directory), manifest, setting)
    return [with_counterexample(verdict, members, setting, target) for verdict in verdicts]
