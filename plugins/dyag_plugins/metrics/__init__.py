"""Scores of answers, one number a question."""
