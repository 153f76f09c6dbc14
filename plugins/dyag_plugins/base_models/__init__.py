"""Base model presets: data, not code."""
