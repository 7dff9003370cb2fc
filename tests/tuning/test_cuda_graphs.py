"""A captured step is one step a call, whichever call it is."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from tunebound.tuning.heads.engine import graphs

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class Recorder:
    """Stands for torch.cuda: a capture executes nothing, a replay executes what was captured,
    streams note what waits for what.
    """

    def __init__(self, state):
        self.state, self.log = state, []
        self.main = SimpleNamespace(
            name="main", wait_stream=lambda other: self.log.append(("main waits", other.name))
        )
        self.current = self.main

    def Stream(self):
        return SimpleNamespace(
            name="side", wait_stream=lambda other: self.log.append(("side waits", other.name))
        )

    def CUDAGraph(self):
        return SimpleNamespace(replay=lambda: self.log.append("replay") or self.step())

    def current_stream(self):
        return self.current

    @contextmanager
    def stream(self, stream):
        before, self.current = self.current, stream
        yield
        self.current = before

    @contextmanager
    def graph(self, graph, stream):
        before = self.state.clone()
        yield
        self.state.copy_(before)
        self.log.append(("captured", stream.name))


def test_every_call_is_one_step(monkeypatch):
    state = torch.zeros(())
    recorder = Recorder(state)
    streams = []
    monkeypatch.setattr(graphs.torch, "cuda", recorder)

    def step():
        streams.append(recorder.current.name)
        state.add_(1)

    recorder.step = step
    advance = graphs.captured(step)
    assert state == 0
    for count in range(1, 6):
        advance()
        assert state == count
    ordered = [("side waits", "main"), ("main waits", "side")]
    assert recorder.log == [*ordered, *ordered, ("captured", "side"), "replay", "replay", "replay"]
    assert streams[:2] == ["side", "side"], "the first steps run where the capture will"


@pytest.mark.cuda
@on_gpu
def test_a_captured_step_agrees_with_the_cpu():
    draw = torch.Generator().manual_seed(0)
    Z = torch.randn((3, 20, 5), generator=draw, dtype=torch.float64)

    def stepper(Z):
        weights = torch.zeros((3, 21, 5), dtype=torch.float64, device=Z.device)
        activity = torch.empty((3, 21, 20), dtype=torch.float64, device=Z.device)

        def step():
            torch.bmm(weights, Z.mT, out=activity)
            activity.sigmoid_()
            activity[:, 1:].diagonal(dim1=1, dim2=2).zero_()
            weights.baddbmm_(activity, Z, alpha=-0.05)

        return weights, step

    here, plain = stepper(Z)
    there, step = stepper(Z.cuda())
    advance = graphs.captured(step)
    for count in range(1, 101):
        plain()
        advance()
        if count in (1, 2, 3, 4, 100):
            torch.testing.assert_close(there.cpu(), here, rtol=1e-12, atol=1e-13)
