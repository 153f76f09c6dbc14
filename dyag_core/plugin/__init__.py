"""The plugin host: families and hooks, finding, choosing, calling, checking and scaffolding plugins."""
