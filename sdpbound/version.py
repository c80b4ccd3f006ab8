"""The package's version, from its metadata."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("sdpbound")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "0+unknown"
