"""Figures that are made from the tables of a study alone and need no explanation beside themselves."""

from theory.plots.scatter import bound_against_measured

__all__ = ["bound_against_measured"]
