"""
Bound against measured
======================

`theory.study` computes every bound and every left-out head of a grid of data sets. Points below
the line would violate a bound.
"""

import matplotlib.pyplot as plt
import seaborn as sns

from tunebound import synthetic, theory

sns.set_theme(style="ticks", palette="colorblind")
grid = synthetic.make_grid(
    ["gaussian", "orthogonal", "clustered"],
    n=[8, 16, 32],
    d=[32],
    margin=0.5,
    radius_over_margin=[8, 16],
    name="gallery",
)
theorems = ["H-deletion", "H-limit", "H-anytime"]
results = theory.study(grid, theorems, steps=500, jobs=1)
judged = theory.judged_rows(results.rows)

figure = sns.relplot(
    judged, x="measured", y="bound", col="theorem", hue="family", style="family", s=60, height=3.4
)
figure.set(xscale="log", yscale="log", xlabel="measured distance (0 to 2)")
figure.set_titles("{col_name}").set_ylabels("bound on it")
for axis in figure.axes.flat:
    axis.axline((0.1, 0.1), (1.0, 1.0), color="black", lw=1)
plt.show()
