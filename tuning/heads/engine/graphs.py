"""Repeating one step without the cost of launching its operations one by one."""

from __future__ import annotations

from collections.abc import Callable

import torch

# steps before the recording: libraries choose algorithms and take their workspaces in the first
WARM_UP = 2


def captured(step: Callable[[], None]) -> Callable[[], None]:
    """A function that does what `step` does, as a CUDA graph.

    Every call advances by exactly one step: the first two run `step` as it is, on a side stream,
    the third records it (which executes nothing) and replays the recording, all later ones replay
    it.

    Parameters
    ----------
    step : callable
        Works in place on tensors of the current CUDA device, always the same ones, and never waits
        for the device.

    Returns
    -------
    callable
        Queues one step on the stream that is current when it is called.
    """
    stream, graph, done = torch.cuda.Stream(), torch.cuda.CUDAGraph(), 0

    def advance() -> None:
        nonlocal done
        if done < WARM_UP:
            _aside(stream, step)
        else:
            if done == WARM_UP:
                with torch.cuda.graph(graph, stream=stream):
                    step()
            graph.replay()
        done += 1

    return advance


def _aside(stream: torch.cuda.Stream, step: Callable[[], None]) -> None:
    """Run a step on another stream, ordered before and after what the current one does."""
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        step()
    torch.cuda.current_stream().wait_stream(stream)
