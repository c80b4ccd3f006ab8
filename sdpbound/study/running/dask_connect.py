"""The connection to a Dask scheduler: its address, certificates, log messages, and the error if it does not answer."""

from __future__ import annotations

import ipaddress
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdpbound.errors import InvalidInput

__all__ = ["Tls", "connect", "disconnect", "open_to_others", "scheduler_address", "silence"]

#: Seconds after which a scheduler counts as unreachable.
CONNECT_SECONDS = 8.0
#: Seconds that closing the connection may take.
CLOSE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Tls:
    """Files for a ``tls://`` scheduler, in PEM format.

    A file that is not given is taken from Dask's configuration.

    Attributes
    ----------
    ca : certificates of the authorities that are trusted
    cert : certificate of this client
    key : private key of this client; None if it is in the file of the certificate

    >>> Tls(ca=Path("ca.pem"), cert=Path("me.pem")).key is None  # for RunOptions(scheduler="tls://...", tls=...)
    True
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


def scheduler_address(scheduler: str | None, scheduler_file: Path | None) -> str:
    """Return the address that is given, or that in the scheduler's file, or else that in Dask's configuration."""
    if scheduler_file is None:
        return _configured() if scheduler is None else scheduler
    if scheduler is not None:
        raise InvalidInput(f"give the scheduler '{scheduler}' or the scheduler file '{scheduler_file}', not both.")
    try:
        return str(json.loads(scheduler_file.read_text(encoding="utf-8"))["address"])
    except FileNotFoundError:
        raise InvalidInput(
            f"the scheduler file '{scheduler_file}' does not exist; start the scheduler with dask scheduler "
            f"--scheduler-file {scheduler_file}."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInput(
            f"the scheduler file '{scheduler_file}' cannot be used ({type(error).__name__}); give the file that dask "
            "scheduler --scheduler-file wrote."
        ) from None


def open_to_others(address: str) -> bool:
    """Whether other machines may read and change what is sent: it is not encrypted, and leaves this machine.

    Dask sends pickles, which are programs. So whoever can change them runs programs here and on the workers.

    >>> open_to_others("tcp://10.0.0.7:8786"), open_to_others("tls://10.0.0.7:8786"), open_to_others("127.0.0.1:8786")
    (True, False, False)
    """
    scheme, found, rest = address.strip().rpartition("://")
    if found and scheme.lower() in ("tls", "wss", "inproc"):
        return False
    host = rest.split("/")[0].rpartition(":")[0].strip("[]") or rest.split("/")[0]
    if host.lower() == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def _configured() -> str:
    try:
        import dask.config
    except ImportError:
        raise _missing() from None
    address = dask.config.get("scheduler-address", None)
    if address is None:
        raise InvalidInput("a Dask scheduler is needed: give its address, such as tcp://host:8786, or its file.")
    return str(address)


def _missing() -> InvalidInput:
    return InvalidInput("a Dask cluster needs the package 'distributed': install sdpbound[dask].")


def connect(address: str, tls: Tls | None) -> Any:
    """Return a client of the scheduler.

    Raises InvalidInput if the scheduler cannot be reached.
    """
    try:
        from distributed import Client, Security
    except ImportError:
        raise _missing() from None
    files = {} if tls is None else {"tls_ca_file": tls.ca, "tls_client_cert": tls.cert, "tls_client_key": tls.key}
    given = {name: str(file) for name, file in files.items() if file is not None}
    for file in given.values():
        try:
            Path(file).read_bytes()
        except OSError as error:
            raise InvalidInput(f"the file '{file}' cannot be read: {error.strerror}; give a PEM file.") from None
    security: Any = Security
    client: Any = Client.__new__(Client)  # made without __init__, so that the client can be closed if __init__ fails
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the warning is that versions of other packages differ between machines
        try:
            client.__init__(
                address,
                timeout=CONNECT_SECONDS,
                security=security(require_encryption=True, **given) if tls is not None else None,
                set_as_default=False,
            )
        # errors of many types: of sockets, addresses, certificates, and versions of the protocol
        except Exception as error:
            disconnect(client)
            raise _unreachable(address, tls, error) from None
        except BaseException:
            disconnect(client)
            raise
    return client


def disconnect(client: Any) -> None:
    """Close a client for good, connected or not.

    A client that is left open is closed when Python collects it as garbage. If another client starts in the same thread
    at that moment, the two wait for each other without end.
    """
    try:
        with suppress(Exception):  # the connection may be gone
            client.close(timeout=CLOSE_SECONDS)
        with suppress(Exception):  # after a failed connection, close() leaves the thread of the event loop
            client._loop_runner.stop()
    finally:
        client.status = "closed"


def _unreachable(address: str, tls: Tls | None, error: Exception) -> InvalidInput:
    why = f"within {CONNECT_SECONDS:g} s" if isinstance(error, TimeoutError) else f"({type(error).__name__})"
    if tls is not None or address.startswith("tls://"):
        hint = "is it a tls:// address, and do the certificates fit the scheduler's (--tls-ca, --tls-cert, --tls-key)?"
    else:
        hint = "start it with dask scheduler, or correct the address, such as tcp://host:8786."
    return InvalidInput(f"no Dask scheduler can be reached at '{address}' {why}: {hint}")


@contextmanager
def silence() -> Iterator[None]:
    """Keep the log messages of distributed and tornado from the terminal.

    Errors that matter are raised.
    """
    try:
        import distributed  # noqa: F401  (it sets the levels of its loggers)
    except ImportError:
        raise _missing() from None
    names = [n for n in logging.root.manager.loggerDict if n.split(".")[0] in ("distributed", "tornado")]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
