"""What objects have so that notebooks show them: hooks that ask the room of cards and pictures when they are called.

The classes know nothing of that room, which stands far above them. It is named here, and imported when something is to
be shown.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Drawn", "Shown"]

_ROOM = "sdpbound.showing"


class Shown:
    """Something that notebooks show as a card: a title, the number with its side, facts and tables."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(import_module(_ROOM).html_of(self))

    def _repr_latex_(self) -> str | None:
        found: str | None = import_module(_ROOM).latex_of(self)
        return found


class Drawn(Shown):
    """Something that has a picture."""

    __slots__ = ()

    def plot(self, ax: Axes | None = None, **style: Any) -> Axes:
        """Draw it with matplotlib, which is imported only now.

        Parameters
        ----------
        ax : axes to draw into; without them a new figure of pyplot, in the style that is set (:func:`sdpbound.style`)
        style : matplotlib's keywords for what is drawn, such as ``color``

        Returns
        -------
        the axes

        Raises
        ------
        InvalidInput
            There is nothing to draw: a study without numbers, a threshold without a proven point.
        """
        axes: Axes = import_module(_ROOM).draw(self, ax, style)
        return axes
