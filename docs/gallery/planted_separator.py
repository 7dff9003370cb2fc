"""
Data whose truth is planted
===========================

`synthetic.make_separable` draws a data set whose margin, separator, radius and support vectors
are chosen beforehand, so that whatever computes them can be checked.
"""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from tunebound import synthetic

sns.set_theme(style="ticks", palette="colorblind")
data = synthetic.make_separable("gaussian", n=40, d=2, margin=0.5, radius=3.0, seed=1)

figure, axis = plt.subplots(figsize=(5.5, 5.5))
for label, marker in ((1, "o"), (-1, "s")):
    axis.plot(*data.X[data.y == label].T, marker, label=f"label {label:+d}")
axis.plot(*data.X[data.support].T, "o", ms=13, mfc="none", mec="black", label="support vector")
along = np.array([-data.separator[1], data.separator[0]])
for offset, style in ((0.0, "-"), (data.margin, ":"), (-data.margin, ":")):
    axis.axline(offset * data.separator, offset * data.separator + along, color="black", ls=style)
axis.add_patch(plt.Circle((0, 0), data.radius, fill=False, color="grey", ls="--"))
axis.set(xlabel="feature 1", ylabel="feature 2", xlim=(-3.3, 3.3), ylim=(-3.3, 3.3), aspect="equal")
axis.set_title("Separator (line), margin 0.5 (dotted), radius 3 (dashed)")
axis.legend(loc="upper left")
plt.show()
