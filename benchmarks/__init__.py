"""Ratios between this package and other ways to the same numbers, measured side by side: `python -m
benchmarks`.
"""
