"""The command line: a lazy root group and one short file per command, written on `dyag_core.Session`."""

from __future__ import annotations

from dyag_core.cli.root import main

__all__ = ["main"]
