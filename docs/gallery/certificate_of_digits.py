"""
A certificate of your own features
==================================

`theory.certify` says how much a head on given features depends on any single training sample,
here the pixels of the handwritten digits 3 and 8.
"""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from sklearn.datasets import load_digits

from tunebound import theory

sns.set_theme(style="ticks", palette="colorblind")
X, y = load_digits(return_X_y=True)
X, y = X[np.isin(y, (3, 8))], y[np.isin(y, (3, 8))]
certificate = theory.certify(X[::2], y[::2], X_test=X[1::2], constant=1.0, centre=True)
print(certificate)

# %%
# The training images that move the head most, and how far.

figure, axes = plt.subplots(1, 6, figsize=(9, 2.2), layout="constrained")
for axis, row in zip(axes, certificate.pivotal, strict=False):
    axis.imshow(X[::2][row].reshape(8, 8), cmap="gray_r")
    axis.set(xticks=[], yticks=[], title=f"a {y[::2][row]}: {certificate.exact[row]:.2f}")
figure.suptitle("Distance of unit directions when the image is left out (0 to 1.41)")
plt.show()
