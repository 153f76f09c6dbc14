"""Searches over an index's chunks."""
