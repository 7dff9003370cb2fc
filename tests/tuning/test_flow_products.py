"""Weighted sums of products against a plain loop."""

import numpy as np
import pytest
import torch

from tunebound.tuning.heads.flow.products import Products


@pytest.mark.parametrize(("n", "r"), [(5, 1), (7, 3), (2, 4)])
def test_sums_are_those_of_a_loop(n, r):
    rng = np.random.default_rng(n)
    Z, weights = rng.normal(size=(3, n, r)), rng.normal(size=(3, 4, n))
    products = Products(torch.tensor(Z))
    found = products.sums(torch.tensor(weights))
    assert found.shape == (3, 4, r, r)
    for b in range(3):
        for k in range(4):
            known = sum(weights[b, k, j] * np.outer(Z[b, j], Z[b, j]) for j in range(n))
            np.testing.assert_allclose(found[b, k], known, rtol=1e-12, atol=1e-13)
    chosen = torch.tensor([2, 0])
    part = products.subset(chosen).sums(torch.tensor(weights)[chosen])
    assert torch.equal(part, found[chosen])
    assert torch.equal(products.sums(torch.tensor(weights)), found)
