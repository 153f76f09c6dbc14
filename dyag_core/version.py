"""The version of the installed distribution; "0" in a source tree that nobody installed."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("dyag")
except PackageNotFoundError:  # running from a source tree
    __version__ = "0"
