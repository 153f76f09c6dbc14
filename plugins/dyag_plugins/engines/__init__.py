"""Loaded models that answer."""
