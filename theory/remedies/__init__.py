"""The study of remedies for instability: its tasks, what is measured of a method on one, and how
methods are compared.
"""
