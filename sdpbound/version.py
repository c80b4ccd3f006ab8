"""The package's version, from its metadata, and the version of its numbers."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["NUMERICS", "__version__"]

try:
    __version__ = version("sdpbound")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "0+unknown"

#: Raised with every change that can change a computed number: stored results of another one are not used again.
NUMERICS = 7
