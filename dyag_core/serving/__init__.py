"""The arms behind an HTTP server: an OpenAI-compatible API for programs, a page for people."""
