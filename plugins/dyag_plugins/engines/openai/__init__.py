"""The engine `openai`."""
