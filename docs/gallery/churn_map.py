"""
Where predictions can change
============================

`bounds.churn.deletion` certifies, point by point, which training samples cannot change a
prediction when they are left out. The others may: they are counted here over a plane.
"""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from tunebound import bounds, synthetic

sns.set_theme(style="ticks", palette="colorblind")
data = synthetic.make_separable("gaussian", n=40, d=2, margin=0.5, radius=3.0, seed=1)
separator = bounds.max_margin(data.X, data.y)
grid = np.linspace(-3.2, 3.2, 160)  # an even number, so that no point is the origin
points = np.stack(np.meshgrid(grid, grid), axis=-1)
certified = bounds.churn.deletion(
    X=data.X,
    y=data.y,
    weights=separator.weights,
    dual=separator.dual,
    points=points.reshape(-1, 2),
)
flippers = (~certified).sum(axis=1).reshape(points.shape[:2])

figure, axis = plt.subplots(figsize=(6.4, 5.4), layout="constrained")
levels = np.arange(flippers.max() + 2) - 0.5
shades = axis.contourf(grid, grid, flippers, levels=levels, cmap="cividis_r")
figure.colorbar(
    shades, label="samples that may change the prediction", ticks=range(flippers.max() + 1)
)
for label, marker in ((1, "o"), (-1, "s")):
    chosen = data.y == label
    axis.plot(*data.X[chosen].T, marker, mec="white", label=f"label {label:+d}")
axis.plot(*data.X[data.support].T, "o", ms=13, mfc="none", mec="black", label="support vector")
axis.set(xlabel="feature 1", ylabel="feature 2", aspect="equal")
axis.set_title("Leaving one of 40 samples out, in the limit")
axis.legend(loc="upper left")
plt.show()
