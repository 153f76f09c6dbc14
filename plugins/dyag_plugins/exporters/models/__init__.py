"""Exporters of fine-tuned models: merged, gguf, ollama, adapter, hub."""
