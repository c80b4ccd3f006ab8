"""The address of the page, which is there before the page is.

This module imports nothing that loads long: requests wait at the door until the server has loaded and lets them in.
"""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass

from sdpbound.errors import InvalidInput

__all__ = ["HOST", "Door", "opened"]

HOST = "127.0.0.1"
#: So many requests may wait.
_WAITING = 100


@dataclass(frozen=True, slots=True)
class Door:
    """A socket of the loopback interface that listens, and the token of the pages behind it."""

    listener: socket.socket
    token: str

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.listener.getsockname()[1])

    @property
    def address(self) -> str:
        """What a person opens."""
        return f"http://{HOST}:{self.port}/?token={self.token}"


def opened(port: int) -> Door:
    """A door at a port of the loopback interface; 0: any that is free.

    Raises
    ------
    InvalidInput
        The port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(_WAITING)
    except OSError as error:
        listener.close()
        raise InvalidInput(
            f"port {port} cannot be used ({error.strerror}); leave --port out, or give another."
        ) from None
    return Door(listener, secrets.token_urlsafe(24))
