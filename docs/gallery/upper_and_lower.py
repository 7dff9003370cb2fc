"""
Upper against lower bound
=========================

Over all data of n samples, margin γ and radius B, the worst mean distance lies between what a
regular simplex costs (`bounds.head.simplex`) and what is proved for every data set
(`bounds.head.limit`).
"""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from tunebound import bounds

sns.set_theme(style="ticks", palette="colorblind")
ratio = np.logspace(0.01, 2, 200)

figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
for n, colour in zip((4, 20, 100), sns.color_palette(), strict=False):
    upper = bounds.head.limit(n=n, margin=1.0, radius=ratio)
    lower = bounds.head.simplex(n=n, margin=1.0, radius=ratio)
    axis.loglog(ratio, upper, "-", color=colour, label=f"n = {n}: upper, any data")
    axis.loglog(ratio, lower, "--", color=colour, label=f"n = {n}: lower, a simplex")
axis.axhline(np.sqrt(2), color="black", ls=":", label="√2: a right angle")
axis.set(xlabel="radius over margin B/γ", ylabel="mean distance, limit (0 to √2)")
axis.set_title("Between these lies the worst of all data")
axis.legend(ncols=2, fontsize="small")
plt.show()
