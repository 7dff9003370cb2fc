"""Registered predictions of the theory, each with a controlled design: what varies, what is held,
what was measured.
"""
