"""Rates, ranks and effects over independent units."""
