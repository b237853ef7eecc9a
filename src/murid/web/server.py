"""Serve a local page and open it in the browser."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Callable
from contextlib import closing, suppress

import uvicorn
from starlette.applications import Starlette

from murid.errors import ConfigError
from murid.web.access import Access
from murid.web.guard import TOKEN_PARAMETER


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one.

    Raises
    ------
    ConfigError
        If the port is taken, or the address is not one of this computer.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # From here on connections wait until the server accepts them, instead of being refused.
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConfigError(
            f"port: expected one that is free on {host}, got {port} ({error})"
        ) from error
    return listener


def format_address(listener: socket.socket, access: Access) -> str:
    """Return the address of the page, with its token."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{port}/?{TOKEN_PARAMETER}={access.token}"


def make_server(app: Starlette) -> uvicorn.Server:
    """Return a server that writes no log, in which the token would appear."""
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def print_at_once(text: str) -> None:
    """Print a line, also where another program reads it."""
    print(text, flush=True)


def serve(
    app: Starlette,
    listener: socket.socket,
    access: Access,
    *,
    opens_browser: bool = True,
    fragment: str = "",
    announce: Callable[[str], None] = print_at_once,
) -> None:
    """Serve a page until Ctrl-C.

    Parameters
    ----------
    app : Starlette
    listener : socket
        As `open_socket` returns it; closed at the end.
    access : Access
    opens_browser : bool
        Whether to show the page in the browser of this computer.
    fragment : str
        What the page opens at: it stands after the ``#`` of the address.
    announce : callable
        Called with the address.
    """
    address = format_address(listener, access)
    if fragment:
        address += f"#{fragment}"
    # Ctrl-C is how a page is ended: no error.
    with closing(listener), suppress(KeyboardInterrupt):
        announce(address)
        if opens_browser:
            with suppress(webbrowser.Error):
                webbrowser.open(address)
        make_server(app).run(sockets=[listener])
