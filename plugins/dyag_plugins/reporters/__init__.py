"""Comparisons as files that people and programs read."""
