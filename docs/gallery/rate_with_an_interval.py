"""
A rate, with an interval
========================

The bounds from n, margin and radius fall like 1/n. How fast does the instability itself fall?
One slope per seed, their median, and a 95 % interval of it by bootstrap: it speaks of these
Gaussian sets and of no others.
"""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from scipy.stats import bootstrap

from tunebound import bounds, synthetic

sns.set_theme(style="ticks", palette="colorblind")
sizes, seeds = np.array([12, 24, 48, 96]), range(20)


def instability(n, seed):
    """Mean distance of the separators' directions when one of n samples is left out."""
    data = synthetic.make_separable("gaussian", n=n, d=8, margin=0.5, radius=4.0, seed=seed)
    separator = bounds.max_margin(data.X, data.y)
    left_out = bounds.leave_one_out_separators(data.X, data.y, separator)
    directions = left_out.weights * left_out.margins[:, None]
    return np.linalg.norm(directions - separator.direction, axis=1).mean()


measured = np.array([[instability(n, seed) for n in sizes] for seed in seeds])
slopes = np.polyfit(np.log(sizes), np.log(measured).T, 1)[0]
low, high = bootstrap([slopes], np.median, rng=0).confidence_interval

figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
axis.loglog(sizes, measured.T, color="grey", lw=0.7, alpha=0.6)
axis.plot([], [], color="grey", lw=0.7, label="one seed")
axis.loglog(sizes, np.median(measured, axis=0), "o-", lw=2.5, label="median of 20 seeds")
bound = bounds.head.limit(n=sizes, margin=0.5, radius=4.0)
axis.loglog(sizes, bound, "s--", lw=2, label="upper bound: slope −1")
axis.set_xticks(sizes, sizes, minor=False)
axis.minorticks_off()
axis.set(xlabel="number of samples n", ylabel="mean distance of unit directions (0 to 2)")
axis.set_title(f"Measured slope {np.median(slopes):.2f} [{low:.2f}, {high:.2f}]")
axis.legend()
plt.show()
