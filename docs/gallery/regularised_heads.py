"""
Heads with a penalty
====================

With a penalty :math:`(\\lambda/2)\\|w\\|^2` there is a minimiser, separable data or not.
`tuning.minimise_heads` finds it with every sample and without each; `bounds.regularised.ball`
bounds the distance from the minimiser on all samples alone.
"""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from tunebound import bounds, tuning

sns.set_theme(style="ticks", palette="colorblind")
rng = np.random.default_rng(0)
y = np.where(np.arange(60) % 2, 1, -1)
X = rng.standard_normal((60, 5)) + 0.5 * y[:, None]  # the classes overlap
strengths = np.logspace(-3, 1, 13)
measured, promised = [], []
for strength in strengths:
    heads = tuning.minimise_heads(X, y, strength=strength)
    measured.append(np.linalg.norm(heads.weights[1:] - heads.weights[0], axis=1))
    residuals = 1 / (1 + np.exp(y * (X @ heads.weights[0])))
    norms = np.linalg.norm(X, axis=1)
    promised.append(bounds.regularised.ball(n=60, lam=strength, residuals=residuals, norms=norms))

figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
for values, name, marker in ((promised, "bound", "s"), (measured, "measured", "o")):
    axis.loglog(strengths, np.mean(values, axis=1), marker + "-", label=f"{name}: mean")
    axis.loglog(strengths, np.max(values, axis=1), marker + "--", label=f"{name}: largest")
axis.set(xlabel="strength λ of the penalty", ylabel="distance of the weights (units of w)")
axis.set_title("One of 60 samples left out, classes that overlap")
axis.legend()
plt.show()
