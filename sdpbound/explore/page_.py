"""The page: fields, pictures and buttons, and what they do to a session."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from nicegui import ui

from sdpbound.errors import SdpboundError
from sdpbound.explore.looks import CSS, ends_html, numbers_html
from sdpbound.explore.messages import File, MapDone, Reply, Screen
from sdpbound.explore.offered import FAMILIES, OWN, TABLE, Slider
from sdpbound.explore.process import Processes
from sdpbound.explore.session import Session
from sdpbound.explore.state import LEVELS, OBSERVED, State, sliders, value_of
from sdpbound.explore.values import QUANTITIES, Axis, Map, MapPlan, Number

__all__ = ["Page", "first_state"]

_SHORT = "dense outlined"
#: Milliseconds without a key after which a field is read.
_TYPED = 250
_NAMES = {
    "observed": "tested data",
    "level": "NPA level",
    "key": "key from x,y",
    "random": "randomness from x,y",
}
_OWN = (
    "Four correlators (A0B0, A0B1, A1B0, A1B1); eight numbers: means of A0, A1, B0, B1, then the correlators; or "
    "sixteen probabilities of the outcomes 00, 01, 10, 11 at the settings 00, 01, 10, 11."
)
_RATES = (
    "Bits a round, of Alice's outcome (A) or both (AB). Bars are proven (dashed: estimated), marks are attacks: no "
    "analysis gives more."
)
_SLICE = (
    "A plane of correlator space: local set (dashed), quantum set, no-signaling set. The full mark is the devices, the "
    "open one without noise. Lines: where the family's expression has its local (dash-dotted) and quantum maximum."
)


class Page:
    """One page in one browser; nothing of it is shared with another.

    Parameters
    ----------
    processes : where its process comes from
    state : what it shows first
    sentence : what is wrong with the link, if something is
    """

    def __init__(self, processes: Processes, state: State, sentence: str = "") -> None:
        self._client = ui.context.client
        self._loop = asyncio.get_running_loop()
        self._numbers: dict[str, Number] = {}
        self._stage = "quick"
        self._map: Map | None = None
        self._fields: dict[str, Any] = {}
        self._sliders: dict[str, Any] = {}
        self._state = state
        ui.add_css(CSS)
        ui.colors(primary="#0072B2")
        ui.add_head_html('<meta name="color-scheme" content="light dark">')
        self._build(state)
        if sentence:
            self._say(sentence, True)
        self._session = Session(processes, state, self._from_thread)
        # in a thread, as other pages need not wait until a process has ended
        self._client.on_delete(lambda: threading.Thread(target=self._session.close, daemon=True).start())

    # -- what is on it --------------------------------------------------------------------------------------------

    def _build(self, state: State) -> None:
        with ui.element("main").classes("explorer"):
            with ui.element("header").classes("top"):
                ui.html("sdpbound explore", tag="h1", sanitize=False)
                self._said = ui.html("computing ...", sanitize=False).classes("said").props('role="status"')
                dark = ui.dark_mode(None)
                ui.button("light / dark", on_click=lambda: dark.set_value(not dark.value)).props("flat dense no-caps")
            with _stack("fields"):
                with _card("Devices"):
                    family = ui.select(list(FAMILIES), value=state.family, label="family").props(_SHORT)
                    family.on_value_change(lambda e: self._change("family", e.value))
                    self._fields["family"] = family
                    self._axes = ui.element("div")
                    self._show_axes()
                    self._choices(state)
                with _card("Take away"):
                    self._buttons()
            with _stack():
                with _card("Correlations"):
                    self._slice = ui.html("", sanitize=False)
                    _note(_SLICE)
                with _card("What dies where"):
                    self._ends = ui.html("", sanitize=False)
            with _stack():
                with _card("Rates from both sides"):
                    self._rates = ui.html("", sanitize=False)
                    _note(_RATES)
                with _card("Numbers"):
                    self._table = ui.html("", sanitize=False)
            with _stack("maps"), _card("Map"):
                self._map_form()

    def _show_axes(self) -> None:
        """The sliders of the family."""
        self._axes.clear()
        with self._axes:
            if self._state.family == OWN:
                self._own_table()
            for slider in sliders(self._state.family):
                self._slider(slider)

    def _own_table(self) -> None:
        """The field for data of one's own."""
        field = ui.textarea(label="table of numbers", value=self._state.texts[TABLE])
        field.props(f'{_SHORT} autogrow debounce={_TYPED} aria-label="table of own data"').classes("x-table")
        field.on("update:model-value", lambda e: self._change(TABLE, str(e.args or "")))
        self._fields[TABLE] = field
        _note(_OWN)

    def _slider(self, slider: Slider) -> None:
        name, text = slider.name, self._state.texts[slider.name]
        value = value_of(name, text)
        with ui.element("div").classes("x-row"):
            ui.html(escape(f"{name}: {slider.text}"), tag="label", sanitize=False).classes("words")
            bar = ui.slider(min=slider.low, max=slider.high, step=slider.step, value=value or 0.0)
            bar.props(f'aria-label="{name}" data-name="{name}"').mark(name)
            field = ui.input(value=text).props(f'{_SHORT} debounce={_TYPED} aria-label="{name} as a number or text"')
        bar.on("update:model-value", lambda e: self._slid(name, e.args))
        field.on("update:model-value", lambda e: self._change(name, str(e.args or "")))
        self._sliders[name], self._fields[name] = bar, field

    def _choices(self, state: State) -> None:
        with ui.element("div").classes("x-pair"):
            for name, options in (("observed", OBSERVED), ("level", LEVELS)):
                field = ui.select(list(options), value=getattr(state, name), label=_NAMES[name]).props(_SHORT)
                field.on_value_change(lambda e, name=name: self._change(name, e.value))
                self._fields[name] = field
            for name in ("key", "random"):
                field = ui.input(value=getattr(state, name), label=_NAMES[name]).props(f"{_SHORT} debounce={_TYPED}")
                field.on("update:model-value", lambda e, name=name: self._change(name, str(e.args or "")))
                self._fields[name] = field

    def _buttons(self) -> None:
        with ui.element("div").classes("x-buttons"):
            for text, kind in (("Python code", "python"), ("Study file", "study")):
                ui.button(text, on_click=lambda kind=kind: self._session.ask(kind)).props("outline no-caps")
            for kind in ("pdf", "svg", "png"):
                ui.button(f"Figure {kind.upper()}", on_click=lambda kind=kind: self._session.ask(kind)).props(
                    "outline no-caps"
                )
            ui.button("Permalink", on_click=self._permalink).props("outline no-caps")

    def _map_form(self) -> None:
        self._map_fields: dict[str, Any] = {}
        with ui.element("div"):
            self._map_fields["quantity"] = ui.select(QUANTITIES, value="key_low", label="quantity").props(_SHORT)
            self._map_axes = ui.element("div")
            self._show_map_axes()
        with ui.element("div").classes("x-buttons"):
            ui.button("Compute map", on_click=self._start_map).props("no-caps")
            self._stop = ui.button("Cancel", on_click=lambda: self._session.stop_map()).props("outline no-caps")
            self._stop.disable()
            self._csv = ui.button("Table", on_click=self._give_map).props("outline no-caps")
            self._csv.disable()
        self._progress = ui.linear_progress(0.0, show_value=False).props('aria-label="progress of the map"')
        self._map_picture = ui.html("", sanitize=False)

    def _show_map_axes(self) -> None:
        """Fields for the two axes of a map: the first axis of the family, and the visibility."""
        known = {slider.name: slider for slider in sliders(self._state.family)}
        first = next(iter(known))
        chosen = (first if first != "visibility" else "efficiency", "visibility")
        self._map_axes.clear()
        with self._map_axes, ui.element("div").classes("x-pair"):
            for axis, name in zip("xy", chosen, strict=True):
                slider = known[name]
                field = ui.select(list(known), value=name, label=f"axis {axis}").props(_SHORT)
                cells = ui.number(value=21, label="cells", min=2, max=61, step=1).props(_SHORT)
                low = ui.number(value=round(slider.low, 6), label="from").props(_SHORT)
                high = ui.number(value=round(slider.high, 6), label="to").props(_SHORT)
                field.on_value_change(lambda e, low=low, high=high: self._axis_chosen(e.value, low, high))
                self._map_fields |= {axis: field, f"{axis} cells": cells, f"{axis} low": low, f"{axis} high": high}

    def _axis_chosen(self, name: str, low: Any, high: Any) -> None:
        slider = next(s for s in sliders(self._state.family) if s.name == name)
        low.value, high.value = round(slider.low, 6), round(slider.high, 6)

    # -- what a person does ---------------------------------------------------------------------------------------

    def _slid(self, name: str, value: Any) -> None:
        if not isinstance(value, int | float):
            return
        text = f"{value:.6g}"
        self._fields[name].value = text
        self._change(name, text)

    def _change(self, name: str, text: str) -> None:
        try:
            state = self._state.changed(name, text)
        except SdpboundError as error:
            self._say(str(error), True)
            return
        if state == self._state:
            return
        self._state = state
        if name == "family":
            self._show_axes()
            self._show_map_axes()
            for own in _NAMES:
                self._fields[own].value = getattr(state, own)
        elif name in self._sliders:
            value = value_of(name, text)
            if value is not None:
                self._sliders[name].value = value
        self._session.move(state)

    def _permalink(self) -> None:
        link = self._state.to_query()
        with self._client:
            _show(
                "Permalink", link, "Open it again with: sdpbound explore 'LINK'. The address of this page has it, too."
            )

    def _start_map(self) -> None:
        fields = {name: field.value for name, field in self._map_fields.items()}
        try:
            x, y = (_axis(fields, name) for name in "xy")
            plan = MapPlan(self._state, fields["quantity"], x, y)
        except SdpboundError as error:
            self._say(str(error), True)
            return
        except (ValueError, OverflowError):
            self._say("a map needs numbers in the fields 'from', 'to' and 'cells'.", True)
            return
        self._progress.value = 0.0
        self._stop.enable()
        self._session.map(plan)

    def _give_map(self) -> None:
        if self._map is not None:
            ui.download(self._map.csv().encode(), "map.csv")

    # -- what comes back ------------------------------------------------------------------------------------------

    def _from_thread(self, reply: Reply) -> None:
        self._loop.call_soon_threadsafe(self._receive, reply)

    def _receive(self, reply: Reply) -> None:
        if self._client.is_deleted:
            return
        if isinstance(reply, Screen):
            if reply.serial == self._session.serial:
                self._show_screen(reply)
        elif isinstance(reply, MapDone):
            self._show_map(reply)
        else:
            self._give(reply)

    def _show_screen(self, screen: Screen) -> None:
        self._stage = screen.stage
        if screen.stage == "wrong":
            self._say(screen.sentence, True)
            return
        if screen.stage == "quick":
            self._numbers = {}
            self._slice.content = screen.slice_svg or "<p>No slice: it needs two settings of two outcomes a party.</p>"
            self._say(screen.sentence, False)
        self._numbers |= screen.numbers
        if screen.rates_svg:
            self._rates.content = screen.rates_svg
        self._table.content = numbers_html(self._numbers, screen.serial, screen.stage)
        self._ends.content = ends_html(self._numbers, screen.stage)
        if screen.stage == "done":
            query = self._state.to_query()
            with self._client:
                ui.run_javascript(
                    "const t = new URLSearchParams(location.search).get('token');"
                    f"history.replaceState(null, '', '/?token=' + encodeURIComponent(t) + '&' + {query!r});"
                )

    def _show_map(self, reply: MapDone) -> None:
        if reply.found is not None:
            self._map = reply.found
            self._progress.value = reply.found.rows / reply.found.plan.y.count
            self._map_picture.content = reply.picture
            self._csv.enable()
        if reply.ended:
            self._stop.disable()
            if reply.sentence:
                self._say(reply.sentence, False)

    def _give(self, file: File) -> None:
        with self._client:
            if file.sentence:
                self._say(file.sentence, True)
            elif file.kind in ("python", "study"):
                words = "Python code" if file.kind == "python" else "Study file"
                _show(words, file.content.decode(), "", lambda: ui.download(file.content, file.name))
            else:
                ui.download(file.content, file.name)

    def _say(self, sentence: str, wrong: bool) -> None:
        self._said.content = escape(sentence)
        self._said.classes(add="wrong" if wrong else "", remove="" if wrong else "wrong")


def _stack(own: str = "") -> Any:
    return ui.element("div").classes(f"x-stack {own}")


def _card(title: str) -> Any:
    card = ui.element("section").classes("x-card").props(f'aria-label="{title}"')
    with card:
        ui.html(escape(title), tag="h2", sanitize=False)
    return card


def _note(text: str) -> None:
    ui.html(escape(text), tag="p", sanitize=False).classes("x-note")


def _show(title: str, text: str, note: str = "", save: Callable[[], object] | None = None) -> None:
    """A dialog with a text to copy or to save."""
    with ui.dialog(value=True) as dialog, ui.card().classes("w-full").style("max-width:60rem"):
        ui.html(escape(title), tag="h2", sanitize=False).classes("x-title")
        ui.html(escape(text), tag="pre", sanitize=False).classes("code w-full").props('tabindex="0"')
        if note:
            _note(note)
        with ui.element("div").classes("x-buttons"):
            ui.button("Copy", on_click=lambda: ui.clipboard.write(text)).props("outline no-caps")
            if save is not None:
                ui.button("Save", on_click=save).props("outline no-caps")
            ui.button("Close", on_click=dialog.close).props("no-caps")
    dialog.on("hide", dialog.delete)


def _axis(fields: Mapping[str, Any], name: str) -> Axis:
    """The axis of a map in the fields; raises ValueError where one is empty."""
    low, high, cells = (_float(fields[f"{name} {part}"]) for part in ("low", "high", "cells"))
    return Axis(fields[name], low, high, int(cells))


def _float(value: Any) -> float:
    if value is None:
        raise ValueError("an empty field")
    return float(value)


def first_state(query: Mapping[str, str]) -> tuple[State, str]:
    """The state of a page's address, and a sentence about what is wrong with it."""
    try:
        return State.from_query(query), ""
    except SdpboundError as error:
        return State(), str(error)
