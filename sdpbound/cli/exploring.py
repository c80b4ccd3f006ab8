"""The command that serves the explorer, a page in the browser."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from sdpbound.cli.output import print_text
from sdpbound.errors import InvalidInput

__all__ = ["explore_command"]


def explore_command(
    link: Annotated[
        str | None, typer.Argument(help="What to show: a permalink of the page. Default: a singlet.", metavar="LINK")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the loopback interface. Default: any that is free.")
    ] = 0,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Explore devices on a local page: sliders, the three sets, rates from both sides, maps, code and figures.

    The page is served to this machine alone, until Ctrl-C, at an address with a token. Needs the extra "explore".
    """
    if find_spec("nicegui") is None:
        raise InvalidInput("the explorer needs the package 'nicegui': install sdpbound[explore].")
    import webbrowser

    from sdpbound.explore.door import opened
    from sdpbound.explore.process import Processes
    from sdpbound.explore.state import State

    state = State() if link is None else State.from_query(link)
    door = opened(port)  # a browser that comes early waits there while the server loads
    processes = Processes()  # the first one loads meanwhile, too
    try:
        print_text(f"{door.address}\nCtrl-C ends it.")
        if open_:
            webbrowser.open(door.address)

        from sdpbound.explore.server_ import serve

        serve(state, door, processes)
    finally:
        processes.close()
