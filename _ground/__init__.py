"""The ground floor beneath the three lower rooms: checks, storage, registries, array aliases.

Private: it serves the rooms, and its names may change with any version.
"""
