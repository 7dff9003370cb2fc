"""
Which samples move the head
===========================

A sample that supports nothing moves nothing. One solve bounds what each of the others can do
(`bounds.head.deletion`); the heads without each of them say what it does.
"""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from tunebound import bounds, synthetic, tuning

sns.set_theme(style="ticks", palette="colorblind")
data = synthetic.make_separable("gaussian", n=60, d=12, margin=0.5, radius=3.0, seed=3)
separator = bounds.max_margin(data.X, data.y)
norms = np.linalg.norm(data.X, axis=1)
promised = bounds.head.deletion(margin=separator.margin, dual=separator.dual, norms=norms)
run = tuning.flow_heads(data.X, data.y, until=1e30)
order = np.argsort(-promised)[:20]

figure, axis = plt.subplots(figsize=(8, 3.8), layout="constrained")
place = np.arange(len(order))
axis.plot(place, promised[order], "_", ms=16, mew=2.5, label="bound in the limit, from one solve")
axis.plot(place, run.direction_distance[-1, order], "o", label="head at t = 1e30")
axis.set_xticks(place, order)
axis.set(xlabel="left-out sample, the 20 with the largest bounds of 60", ylim=(0, None))
axis.set_ylabel("distance of unit directions (0 to 2)")
axis.set_title("Leaving one sample out")
axis.legend()
plt.show()
