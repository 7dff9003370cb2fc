"""Gradient descent of heads followed in log-time."""
