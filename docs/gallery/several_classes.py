"""
Several classes
===============

A softmax head of four classes is one matrix. `bounds.multi_class.deletion` bounds how far its
direction turns when a sample is left out, and `bounds.leave_one_out_classes` computes it.
"""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from tunebound import bounds, synthetic

sns.set_theme(style="ticks", palette="colorblind")
data = synthetic.make_classes(n=60, d=8, classes=4, margin=0.5, radius=4.0, rivals="all", seed=0)
separator = bounds.max_margin_classes(data.X, data.y)
left_out = bounds.leave_one_out_classes(data.X, data.y, separator)
sizes = np.linalg.norm(left_out.weights, axis=(1, 2), keepdims=True)
measured = np.linalg.norm(left_out.weights / sizes - separator.direction, axis=(1, 2))
norms = np.linalg.norm(data.X, axis=1)
promised = bounds.multi_class.deletion(margin=separator.margin, dual=separator.dual, norms=norms)

figure, axis = plt.subplots(figsize=(7, 4.6), layout="constrained")
for label, marker in zip(range(4), "os^D", strict=True):
    chosen = separator.support[data.y[separator.support] == label]
    axis.plot(measured[chosen], promised[chosen], marker, label=f"class {label}")
axis.axline((0, 0), slope=1, color="black", lw=1, label="bound = measured")
axis.set(xlabel="measured distance (0 to 2)", ylabel="bound from one solve")
axis.set(xlim=(0, None), ylim=(0, None))
axis.set_title(f"The {len(separator.support)} support vectors of {data.n} samples")
figure.legend(loc="outside right upper", frameon=False)
plt.show()
