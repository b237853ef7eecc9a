"""Middleware that refuses requests from elsewhere and adds the headers that browsers enforce."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from murid.web.access import Access

TOKEN_PARAMETER = "token"

# Scripts, styles and requests only from this server, no inline scripts, no frames around the page.
# Images may also be made by the page (blob:).
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Pages and images of a recording stay out of the browser's cache on disk.
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware around everything that a page serves.

    Parameters
    ----------
    app : ASGI application
    access : Access
        Who is let in.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with 403."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # There is nothing but HTTP here. A WebSocket is closed without an answer.
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope)
        given = request.query_params.get(TOKEN_PARAMETER)
        reason = self._access.find_reason_to_refuse(
            request.method,
            request.headers.get("host"),
            request.headers.get("origin"),
            given or request.cookies.get(self._access.cookie),
        )

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if given is not None and reason is None:
                    headers.append("Set-Cookie", self._make_cookie())
            await send(message)

        if reason is not None:
            refusal = JSONResponse({"error": reason}, status_code=403)
            await refusal(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)

    def _make_cookie(self) -> str:
        # For this session of the browser, and no script or other site can use it.
        return f"{self._access.cookie}={self._access.token}; HttpOnly; SameSite=Strict; Path=/"
