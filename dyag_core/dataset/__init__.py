"""Training data in the making: filters, splits, passages, rows, quality."""
