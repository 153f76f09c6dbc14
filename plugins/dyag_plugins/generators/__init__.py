"""Training data from documents."""
