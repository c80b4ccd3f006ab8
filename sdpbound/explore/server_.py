"""The server of the page: bound to the loopback interface, with a token in its address, and no way out."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from fastapi import FastAPI, Request
from nicegui import ui

from sdpbound.explore.door import HOST, Door
from sdpbound.explore.page_ import Page, first_state
from sdpbound.explore.process import Processes
from sdpbound.explore.state import State

__all__ = ["Gate", "serve"]

#: A page loads from this server alone, and sends nothing elsewhere.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; form-action 'self'"
)
#: What the page itself loads, by its browser's own requests; nothing of a session is there.
_PARTS = "/_nicegui"

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]


class Gate:
    """What a request passes before anything else sees it.

    Its host must be this server's, so that a page of another site cannot reach it by a name of its own; a page must
    have the token. Answers say that nothing may be loaded from elsewhere.
    """

    def __init__(self, app: _App, token: str, hosts: frozenset[str]) -> None:
        self._app = app
        self._token = token
        self._hosts = hosts

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if self.lets_in(scope):
            await self._app(scope, receive, _with_policy(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            text = b"The address lacks the token: take the whole address that 'sdpbound explore' printed.\n"
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": text})

    def lets_in(self, scope: _Scope) -> bool:
        """Whether a request may pass."""
        headers = dict(scope["headers"])
        if headers.get(b"host", b"").decode("latin-1") not in self._hosts:
            return False
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and origin.removeprefix("http://") not in self._hosts:
            return False
        if scope["path"].startswith(_PARTS):
            return True
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        return secrets.compare_digest(given.encode(), self._token.encode())


def _with_policy(send: _Send) -> _Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [(b"content-security-policy", _POLICY.encode()), (b"referrer-policy", b"no-referrer")]
            message = {
                **message,
                "headers": [*message.get("headers", []), *own, (b"x-content-type-options", b"nosniff")],
            }
        await send(message)

    return sending


def serve(state: State, door: Door, processes: Processes) -> None:
    """Serve the page behind a door until Ctrl-C.

    Parameters
    ----------
    state : what a page shows whose address says nothing else
    door : where requests wait already; it is closed at the end
    processes : where pages get theirs
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    def page(request: Request) -> None:
        query = {name: text for name, text in request.query_params.items() if name != "token"}
        shown, sentence = first_state(query) if query else (state, "")
        Page(processes, shown, sentence)

    ui.page("/", title="sdpbound explore", language="en-US")(page)
    ui.run_with(app, dark=None, show_welcome_message=False, reconnect_timeout=3.0, tailwind=False)
    gate = Gate(app, door.token, frozenset({f"{HOST}:{door.port}", f"localhost:{door.port}"}))
    server = uvicorn.Server(uvicorn.Config(gate, log_level="warning", timeout_graceful_shutdown=1, lifespan="on"))
    try:
        server.run(sockets=[door.listener])
    except KeyboardInterrupt:
        pass
    finally:
        door.listener.close()
