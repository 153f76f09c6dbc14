"""The engine `llamacpp`."""
