"""
What the maximal margin regularizer does
========================================

A small encoder into the plane is trained with and without `tuning.MaximalMarginRegularizer`,
from the same start. The class centres move apart. Whether the ratio B/γ falls, through which
heads are bounded, is another question: here it does not.
"""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch

from tunebound import bounds, synthetic, tuning

sns.set_theme(style="ticks", palette="colorblind")
data = synthetic.make_separable("gaussian", n=60, d=10, margin=0.3, radius=3.0, seed=0)
X = torch.tensor(data.X, dtype=torch.float32)
labels = torch.tensor(data.y > 0).long()

figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
for axis, weight in zip(axes, (0.0, 1.0), strict=True):
    torch.manual_seed(0)
    encoder = torch.nn.Sequential(torch.nn.Linear(10, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
    head = torch.nn.Linear(2, 2)
    regularizer = tuning.MaximalMarginRegularizer()
    optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.3)
    for _ in range(500):
        features = encoder(X)
        loss = torch.nn.functional.cross_entropy(head(features), labels)
        optimizer.zero_grad()
        (loss + weight * regularizer(features, labels)).backward()
        optimizer.step()
    features = encoder(X).detach().double().numpy()
    features = np.column_stack([features, np.ones(len(features))])  # so that the head has a bias
    separator = bounds.max_margin(features, data.y)
    ratio = np.linalg.norm(features, axis=1).max() / separator.margin
    centres = [features[data.y == label].mean(axis=0) for label in (1, -1)]
    apart = np.linalg.norm(centres[0] - centres[1])
    for label, marker in ((1, "o"), (-1, "s")):
        axis.plot(*features[data.y == label, :2].T, marker, label=f"label {label:+d}")
    axis.set_title(f"weight {weight:g}: centres {apart:.1f} apart, B/γ = {ratio:.2f}")
    axis.set(xlabel="feature 1", ylabel="feature 2")
axes[0].legend()
figure.suptitle("Encoded features after 500 steps")
plt.show()
