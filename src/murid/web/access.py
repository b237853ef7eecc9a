"""Who may use a local page: hosts, origins and the token that every request carries."""

from __future__ import annotations

import hmac
import secrets
import socket
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlsplit

# 256 bits: nobody guesses it.
_TOKEN_BYTES = 32

# Methods that change nothing. Browsers send no Origin with them where page and server are the same.
_SAFE_METHODS = frozenset({"GET", "HEAD"})

_WILDCARDS = frozenset({"0.0.0.0", "::", ""})


@dataclass(frozen=True, slots=True)
class Access:
    """What a request needs to be answered.

    Attributes
    ----------
    host : str
        Address on which the server listens.
    token : str
        Secret in the address of the page, afterwards in a cookie.
    """

    host: str = "127.0.0.1"
    token: str = field(default_factory=lambda: secrets.token_urlsafe(_TOKEN_BYTES), repr=False)

    @property
    def cookie(self) -> str:
        """Name of the cookie. Cookies ignore ports, so each token has a name of its own."""
        return f"murid_{sha256(self.token.encode()).hexdigest()[:12]}"

    def find_reason_to_refuse(
        self, method: str, host: str | None, origin: str | None, token: str | None
    ) -> str | None:
        """Return why a request is refused, or None if it may be answered.

        Parameters
        ----------
        method : str
            Such as ``GET``.
        host, origin : str or None
            Headers of the request.
        token : str or None
            From the cookie or the address.
        """
        if host is None or not self._is_own_host(_get_hostname(f"//{host}")):
            return "the host is not that of this page"
        if origin is None and method not in _SAFE_METHODS:
            return "a request that changes something needs an origin"
        # A tunnel may end at another port and without encryption, so only what the browser sees
        # as host and port counts.
        if origin is not None and urlsplit(origin).netloc != host:
            return "the origin is another page"
        if token is None or not hmac.compare_digest(token.encode(), self.token.encode()):
            return "the token is missing: open the address that murid printed"
        return None

    def _is_own_host(self, hostname: str | None) -> bool:
        """Whether a name is that of this computer, and not one that someone else points at it."""
        if hostname is None:
            return False
        if hostname in ("localhost", self.host.lower()):
            return True
        is_everywhere = self.host in _WILDCARDS
        if is_everywhere and hostname == socket.gethostname().lower():
            return True
        try:
            address = ip_address(hostname)
        except ValueError:
            return False
        # Names can be pointed at this computer by others (DNS rebinding); addresses cannot.
        return address.is_loopback or is_everywhere


def _get_hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
