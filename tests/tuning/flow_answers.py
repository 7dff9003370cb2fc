"""What a flow's linearisation answers, in tensors of its own."""

import torch

from tunebound.tuning.heads.flow.changes import Change


def change_of(tensor):
    """A change by its tensor, which has one axis more where it is a pair."""
    return Change.among_samples(tensor) if tensor.ndim == 4 else Change.among_features(tensor)


def solution(solve, *vectors):
    """The last of several vectors' solutions."""
    found = [torch.full_like(b, torch.nan) for b in vectors]
    solve(list(map(change_of, vectors)), list(map(change_of, found)))
    return found[-1]


def nearby(here, u, change):
    """The flow and its drift at log-times u (B, m), after it was asked at others too."""
    others, near = here.near(torch.stack((u + 1.0, u)))
    others(change_of(change + 1.0))
    rate, drift = near(change_of(change))
    return rate.whole.clone(), drift.clone()
