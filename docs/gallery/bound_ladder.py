"""
The ladder of bounds on one data set
====================================

Bounds of `bounds.head` on the mean distance when one sample is left out, and what each needs to
know of the data. The black line is what the separators without each sample do.
"""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from tunebound import bounds, synthetic

sns.set_theme(style="ticks", palette="colorblind")
data = synthetic.make_separable("gaussian", n=60, d=10, margin=0.5, radius=3.0, seed=0)
separator = bounds.max_margin(data.X, data.y)
left_out = bounds.leave_one_out_separators(data.X, data.y, separator)
directions = left_out.weights / np.linalg.norm(left_out.weights, axis=1, keepdims=True)
measured = np.linalg.norm(directions - separator.direction, axis=1).mean()

sizes = {"n": data.n, "margin": separator.margin, "radius": data.radius}
norms = np.linalg.norm(data.X, axis=1)
dual = {"margin": separator.margin, "dual": separator.dual}
ladder = {
    "pair: dual and left-out hinge losses": bounds.head.pair(**dual, hinge=left_out.hinge).mean(),
    "deletion: dual and norms": bounds.head.deletion(**dual, norms=norms).mean(),
    "dual: dual and norms, in closed form": bounds.head.dual(**dual, norms=norms),
    "support: number of support vectors": bounds.head.support(
        **sizes, n_support=len(separator.support)
    ),
    "limit: n, margin, radius": bounds.head.limit(**sizes),
    "anytime: the same, at every step": bounds.head.anytime(**sizes),
}

figure, axis = plt.subplots(figsize=(9, 3.6), layout="constrained")
axis.barh(list(ladder), list(ladder.values()))
axis.bar_label(axis.containers[0], fmt="%.3f", padding=3)
axis.margins(x=0.12)
axis.axvline(measured, color="black", label=f"measured: {measured:.3f}")
axis.invert_yaxis()
axis.set_xlabel("mean distance of unit directions (0 to 2)")
axis.set_title(f"{data.n} Gaussian samples, {data.d} features, B/γ = 6")
figure.legend(loc="outside right upper", frameon=False)
plt.show()
