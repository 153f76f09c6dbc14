"""Base models: where they come from, how much memory they take, what this machine has."""
