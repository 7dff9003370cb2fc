"""Gradient descent on small strongly convex problems, one run at a time in plain NumPy: the slow
route.
"""

import numpy as np


class Quadratic:
    """(w - centre)^T H (w - centre) / 2."""

    def __init__(self, hessian, centre):
        self.hessian, self.centre = hessian, centre

    def loss(self, w):
        return 0.5 * (w - self.centre) @ self.hessian @ (w - self.centre)

    def gradient(self, w):
        return self.hessian @ (w - self.centre)

    def largest_gradient(self, distance):
        """Largest gradient norm within a distance of the centre."""
        return np.linalg.eigvalsh(self.hessian)[-1] * distance


class Ridge:
    """mu |w - centre|^2 / 2 + (beta - mu) (sqrt(1 + s^2) - 1), s = direction . (w - centre): no
    quadratic.
    """

    def __init__(self, mu, beta, direction, centre):
        self.mu, self.beta, self.direction, self.centre = mu, beta, direction, centre

    def loss(self, w):
        x = w - self.centre
        return 0.5 * self.mu * x @ x + (self.beta - self.mu) * (
            np.hypot(1.0, self.direction @ x) - 1.0
        )

    def gradient(self, w):
        x = w - self.centre
        s = self.direction @ x
        return self.mu * x + (self.beta - self.mu) * s / np.hypot(1.0, s) * self.direction

    def largest_gradient(self, distance):
        return self.mu * distance + (self.beta - self.mu) * distance / np.hypot(1.0, distance)


def random_problem(rng, *, mu, beta, n=None, d=None, spread=0.0):
    """A list of losses, each with curvature in [mu, beta], and a start; minimisers differ by about
    `spread`.
    """
    n, d = n or int(rng.integers(2, 9)), d or int(rng.integers(1, 6))
    losses = []
    for _ in range(n):
        centre = spread * rng.normal(size=d)
        if rng.random() < 0.3:
            direction = rng.normal(size=d)
            losses.append(Ridge(mu, beta, direction / np.linalg.norm(direction), centre))
        else:
            basis = np.linalg.qr(rng.normal(size=(d, d)))[0]
            spectrum = mu + (beta - mu) * rng.beta(*rng.choice([0.2, 1.0, 5.0], size=2), size=d)
            losses.append(Quadratic(basis * spectrum @ basis.T, centre))
    return losses, 10 ** rng.uniform(-2, 2) * rng.normal(size=d)


def descend(losses, start, beta, steps, *, left_out=None, weighting="1/n"):
    """Points w_0, ..., w_T of gradient descent with step 1/beta on the mean loss, or without one
    sample.
    """
    n = len(losses)
    kept = [loss for i, loss in enumerate(losses) if i != left_out]
    share = 1 / n if left_out is None or weighting == "1/n" else 1 / (n - 1)
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - share * sum(loss.gradient(path[-1]) for loss in kept) / beta)
    return np.array(path)


def leave_one_out_distances(losses, start, beta, steps, weighting="1/n"):
    """The run on S and the distances (n,) to the left-out runs after T steps."""
    path = descend(losses, start, beta, steps)
    ends = [
        descend(losses, start, beta, steps, left_out=i, weighting=weighting)[-1]
        for i in range(len(losses))
    ]
    return path, np.linalg.norm(np.array(ends) - path[-1], axis=1)
