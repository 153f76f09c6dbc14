"""Asking arms and scoring their answers; the statistics behind every interval."""
