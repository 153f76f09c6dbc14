"""Four small plugins for DYAG. Nothing is imported here: each entry point names the module that it needs."""
