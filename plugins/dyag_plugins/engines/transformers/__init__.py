"""The engine `transformers`."""
