"""Paths that plugins of API 1 may import, as `dyag_core.NAME`: each hands on what stands in `dyag_core.api` today.

They go with plugin API 2, and this folder with them (docs/plugin-api-policy.md).
"""
