"""How the studies of each setting are told: titles, findings, figures. One file a setting, named like it."""

from theory.presentations.presentation import Illustration, Presentation, Table, find_presentation

__all__ = ["Illustration", "Presentation", "Table", "find_presentation"]
