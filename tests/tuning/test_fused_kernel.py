"""The fused kernel against one plain loop a head: by Triton's interpreter, by its compiler, and on
a GPU where there is one.
"""

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from tests.oracles.descent import logistic_path
from tunebound.tuning.heads.engine import fused as fused_kernel

needs_triton = pytest.mark.skipif(
    find_spec("triton") is None, reason="Triton is not installed (pip install triton)"
)
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

# n, d, first left-out sample, left-out heads, steps: one feature to the most that are taken, no,
# one and several blocks of heads.
CASES = {
    "one feature": (7, 1, 0, 7, 4),
    "three features, a block in the middle": (12, 3, 4, 5, 5),
    "two blocks of heads": (38, 2, 2, 35, 1),
    "eight features, samples beyond a tile": (34, 8, 30, 4, 1),
    "head on S alone": (5, 4, 0, 0, 3),
    "no step": (6, 2, 1, 3, 0),
    "nine features": (9, 9, 0, 9, 9),
    "many features, two blocks of heads": (70, 20, 3, 66, 2),
    "as many features as are taken": (33, 64, 16, 17, 3),
}
# too long for the interpreter
LONG = {"n = 50, d = 5": (50, 5, 0, 50, 500), "n = 100, d = 20": (100, 20, 40, 60, 300)}
DTYPES = {
    "float64": (np.float64, np.float64),
    "mixed": (np.float32, np.float64),
    "float32": (np.float32, np.float32),
}
SETS = 2


def problem(case, seed=0):
    """Z (representable in float32), rates and starting weights (B, m + 1, d) of some data sets."""
    n, d, _, left_out, _ = (CASES | LONG)[case]
    draw = np.random.default_rng(seed)
    Z = draw.normal(size=(SETS, n, d)).astype(np.float32).astype(float)
    return (
        Z,
        np.array([0.5, 2.0]),
        draw.normal(size=(SETS, left_out + 1, d)).astype(np.float32).astype(float),
    )


def expected(case):
    """Weights (B, m + 1, d) and drift (B, n) after plain loops in float64."""
    n, _, first, left_out, steps = (CASES | LONG)[case]
    Z, rates, start = problem(case)
    weights, drift = np.empty_like(start), np.empty((SETS, n))
    for b in range(SETS):
        for row in range(left_out + 1):
            kept = np.full(n, 1 / n)
            if row:
                kept[first + row - 1] = 0
            path = logistic_path(
                Z[b], np.ones(n), rates[b], steps, start=start[b, row], weights=kept
            )
            weights[b, row] = path[-1]
            if row == 0:
                drift[b] = (1 / (1 + np.exp(path[:-1] @ Z[b].T))).sum(axis=0)
    return weights, drift


def tensors(case, dtype, device="cpu"):
    products, kept = (torch.from_numpy(np.empty(0, kind)).dtype for kind in DTYPES[dtype])
    Z, rates, start = (torch.as_tensor(value, device=device) for value in problem(case))
    n = Z.shape[1]
    step = (Z.to(products) * (rates / n).to(products)[:, None, None]).contiguous()
    return (
        Z.to(products),
        step,
        -start.to(kept),
        torch.zeros((SETS, n), dtype=torch.float64, device=device),
    )


def check(case, dtype, negated, drift):
    weights, activity = expected(case)
    # rounding of float32 products, step by step
    tolerance = 1e-12 if dtype == "float64" else 2e-6 if case in CASES else 5e-6
    np.testing.assert_allclose(-negated, weights, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(drift, activity, rtol=tolerance, atol=tolerance)


INTERPRETED = """
import sys
import numpy as np, torch
from tests.tuning.test_fused_kernel import CASES, DTYPES, tensors
from tunebound.tuning.heads.engine import fused as fused_kernel
found = {}
for case, (n, d, first, left_out, steps) in CASES.items():
    for dtype in DTYPES:
        Z, step, negated, drift = tensors(case, dtype)
        reason = fused_kernel.refusal(Z.device, n, d, Z.dtype, interpret=True)
        assert reason is None, reason
        fused_kernel.advance(Z, step, negated, drift, first, steps)
        found[f"{case}/{dtype}/negated"], found[f"{case}/{dtype}/drift"] = negated, drift
Z = torch.tensor([[[800.0], [-800.0]]], dtype=torch.float64)
negated = torch.tensor([[[1.0], [1.0], [-1.0]]], dtype=torch.float64)
drift = torch.zeros((1, 2), dtype=torch.float64)
fused_kernel.advance(Z, Z / 1600, negated, drift, 0, 1)
found["far/negated"], found["far/drift"] = negated, drift
np.savez(sys.argv[1], **found)
"""


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory):
    """What the kernel gives for all cases on the CPU, from a process of its own: Triton reads the
    variable when it is imported.
    """
    path = tmp_path_factory.mktemp("interpreted") / "found.npz"
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", INTERPRETED, str(path)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "TRITON_INTERPRET": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return np.load(path)


@needs_triton
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_kernel_agrees_with_plain_loops(interpreted, case, dtype):
    check(case, dtype, interpreted[f"{case}/{dtype}/negated"], interpreted[f"{case}/{dtype}/drift"])


@needs_triton
def test_far_margins_do_not_overflow(interpreted):
    # σ(800) = 1 and σ(−800) = 0 to the last bit; row 1 leaves out the sample at 800, row 2 the one
    # at −800.
    np.testing.assert_array_equal(interpreted["far/negated"][0, :, 0], [0.5, 1.0, -1.0])
    np.testing.assert_array_equal(interpreted["far/drift"], [[1.0, 0.0]])


COMPILED = """
import torch
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from tunebound.tuning.heads.engine import fused as fused_kernel
from tunebound.tuning.heads.engine import kernels
names = {torch.float32: "fp32", torch.float64: "fp64"}
for d, dtype, capability in [
    (5, torch.float64, 90), (20, torch.float64, 90), (64, torch.float32, 80),
    (64, torch.float64, 75)
]:
    blocks = fused_kernel.blocks(d, dtype)
    kernel = kernels.few_features if d <= fused_kernel.FEW else kernels.many_features
    signature = {name: "*" + names[dtype] for name in ("Z", "step")}
    signature |= {name: "*fp64" for name in ("negated", "drift")}
    signature |= {name: "i32" for name in kernels.COUNTS}
    signature |= {name: "constexpr" for name in ("D", "WIDTH", "HEADS", "TILE")}
    ordered = {name: signature[name] for name in kernel.arg_names}
    sizes = dict(D=d, WIDTH=fused_kernel.width(d), HEADS=blocks.heads, TILE=blocks.tile)
    source = ASTSource(kernel, ordered, constexprs=sizes)
    options = {"num_warps": blocks.warps, "enable_fp_fusion": True}
    built = compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    assert "tf32" not in built.asm["ptx"]
    print(d, built.metadata.shared)
"""


@needs_triton
@pytest.mark.slow
def test_kernel_compiles_without_a_gpu_and_fits_into_shared_memory(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILED],
        capture_output=True,
        text=True,
        env={**environment, "TRITON_CACHE_DIR": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shared = [int(line.split()[1]) for line in done.stdout.splitlines()]
    assert len(shared) == 4
    assert max(shared) <= 64 * 2**10, "more than a program gets on the oldest devices"


@pytest.mark.cuda
@on_gpu
@needs_triton
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", [*CASES, *LONG])
def test_kernel_agrees_with_plain_loops_on_the_gpu(case, dtype):
    n, d, first, _, steps = (CASES | LONG)[case]
    Z, step, negated, drift = tensors(case, dtype, "cuda")
    assert fused_kernel.refusal(Z.device, n, d, Z.dtype) is None
    fused_kernel.advance(Z, step, negated, drift, first, steps)
    check(case, dtype, negated.cpu(), drift.cpu())


CPU = torch.device("cpu")


@needs_triton
def test_refusals_say_why(monkeypatch):
    assert "CUDA device, not cpu" in fused_kernel.refusal(CPU, 50, 5, torch.float64)
    assert "not torch.float16" in fused_kernel.refusal(CPU, 50, 5, torch.float16)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert "TRITON_INTERPRET=1" in fused_kernel.refusal(CPU, 50, 5, torch.float64, interpret=True)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert fused_kernel.refusal(CPU, 100, 20, torch.float64, interpret=True) is None
    assert "65 features" in fused_kernel.refusal(CPU, 10, 65, torch.float64, interpret=True)
    assert "320,000 bytes" in fused_kernel.refusal(CPU, 1000, 20, torch.float64, interpret=True)
    assert fused_kernel.refusal(CPU, 512, 32, torch.float32, interpret=True) is None
    assert "131,328 bytes" in fused_kernel.refusal(CPU, 513, 32, torch.float32, interpret=True)


def test_without_triton_the_package_works_and_the_kernel_is_refused():
    code = (
        "import sys; sys.modules['triton'] = None\n"
        "import torch\n"
        "from tunebound.tuning.heads.engine import fused as fused_kernel\n"
        "print(fused_kernel.refusal(torch.device('cuda'), 50, 5, torch.float64))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Triton is not installed (pip install triton)" in done.stdout


def arguments(**changed):
    Z = torch.ones((2, 4, 3), dtype=torch.float64)
    given = dict(
        Z=Z,
        step=Z / 4,
        negated=torch.zeros((2, 3, 3), dtype=torch.float64),
        drift=torch.zeros((2, 4), dtype=torch.float64),
    )
    return {**given, "first": 1, "steps": 2, **changed}


BAD = {
    "Z dtype": (
        dict(Z=torch.ones((2, 4, 3), dtype=torch.float16)),
        r"Z must have shape \(B, n, d\) in float32 or float64",
    ),
    "step shape": (
        dict(step=torch.ones((2, 4, 2), dtype=torch.float64)),
        r"step must be like Z, \(2, 4, 3\)",
    ),
    "step dtype": (
        dict(step=torch.ones((2, 4, 3))),
        "step must be like Z.*got .* in torch.float32",
    ),
    "negated shape": (
        dict(negated=torch.ones((1, 3, 3), dtype=torch.float64)),
        r"negated must have shape \(2, m, 3\)",
    ),
    "negated empty": (
        dict(negated=torch.ones((2, 0, 3), dtype=torch.float64)),
        "negated must have shape",
    ),
    "negated dtype": (dict(negated=torch.ones((2, 3, 3))), "negated must have .* in float64"),
    "drift": (dict(drift=torch.ones((2, 4))), r"drift must have shape \(2, 4\) in float64"),
    "first": (dict(first=3), "first must leave 2 left-out samples within the 4, got 3"),
    "first negative": (dict(first=-1), "first must leave"),
    "steps": (dict(steps=-1), "steps must not be negative"),
    "strided": (
        dict(negated=torch.ones((3, 2, 3), dtype=torch.float64).mT.mT.transpose(0, 1)),
        "negated must be contiguous",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_the_kernel_would_not_notice_is_refused(case):
    changed, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        fused_kernel.advance(**arguments(**changed))
