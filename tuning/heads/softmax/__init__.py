"""Softmax heads for several classes by gradient descent."""
