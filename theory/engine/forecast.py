"""What a study is going to cost, from one of its shards computed for the purpose."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib

from tunebound.theory.engine.computing import plan, shard_tables
from tunebound.theory.engine.loading import shards_in
from tunebound.theory.engine.processes import elsewhere
from tunebound.theory.engine.studies import Study, shards_of

# a shard that is computed faster is computed again, without what is imported at the first time
SHORT = 10.0


@dataclass(frozen=True)
class Forecast:
    """Work that a study still has before it.

    Attributes
    ----------
    members : int
        Of the measured shard, the dearest that is to be computed.
    measured : float
        Seconds of processor time that it took.
    part : float
        Its part of the work by `Setting.cost`, in (0, 1].
    processes : int
        How many there will be.
    memory : int or None
        Largest resident memory of the process that computed it, in bytes, with all that is
        imported; None where the system does not say.
    """

    members: int
    measured: float
    part: float
    processes: int
    memory: int | None

    @property
    def seconds(self) -> float:
        """Processor time of the whole: work by cost, at the pace of the measured shard."""
        return self.measured / self.part

    @property
    def elapsed(self) -> float:
        """Time from start to end on as many free cores as there are processes."""
        return max(self.seconds / self.processes, self.measured)

    def __str__(self) -> str:
        memory = "" if self.memory is None else f"; {self.memory / 1e9:.2g} GB a process"
        return (
            f"about {self.seconds:.2g} s of computation, {self.elapsed:.2g} s on {self.processes}"
            f" free cores{memory} (the dearest shard, {self.members} members and"
            f" {self.part:.1%} of the work, took {self.measured:.2g} s)"
        )


def forecast(
    study: Study,
    directory: Path,
    jobs: int | None = None,
    *,
    share: tuple[int, int] = (1, 1),
    members: tuple[int, int] | None = None,
) -> Forecast | None:
    """What `compute` has to do in a directory; None where nothing is left.

    The dearest of the missing shards is computed in a process of its own and not kept. How far the
    others are off depends on `Setting.cost`: its unit is not known, only its proportions are used.

    Parameters
    ----------
    study : Study
    directory : path
        May be missing; `Study.summary` says whether `compute` would take it.
    jobs, share, members
        As in `compute`.
    """
    setting, options, suite = study.resolved()
    plans = plan(suite.specifications, setting, options)
    stored = shards_in(directory, study.manifest())
    absent = {*stored.missing(), *stored.damaged()}
    left = [plans[number] for number in shards_of(plans, share, members) if number in absent]
    if not left:
        return None
    costs = [sum(setting.cost(suite.specifications[each], options) for each in s) for s in left]
    dearest = max(range(len(left)), key=costs.__getitem__)
    measured, memory = elsewhere(_measured, setting, suite, left[dearest], options, study.tested())
    return Forecast(
        len(left[dearest]),
        measured,
        costs[dearest] / sum(costs),
        min(jobs or joblib.cpu_count(), len(left)),
        memory,
    )


def _measured(*call: Any) -> tuple[float, int | None]:
    """Seconds of processor time and peak memory in bytes of one shard, computed here."""
    seconds = _seconds(*call)
    return (_seconds(*call) if seconds < SHORT else seconds), _peak()


def _seconds(*call: Any) -> float:
    begun = time.process_time()
    shard_tables(*call)
    return time.process_time() - begun


def _peak() -> int | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
