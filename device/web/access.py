"""ASGI middleware that checks each request's token or Host header and adds security headers to each response.

The token is sent in clear text; for TLS, use a reverse proxy. Without a token the Host header must name the loopback
address, which prevents DNS rebinding.

Sources: RFC 6750 (bearer tokens); W3C, Content Security Policy Level 3; Fetch Standard, section 3.7
(Cross-Origin-Resource-Policy).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from types import MappingProxyType
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .address import Address

_HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
)
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Access:
    """Passes allowed requests to an ASGI application and refuses the others."""

    def __init__(self, application: ASGIApp, address: Address, token: str | None) -> None:
        """Takes the token that every request must have; without one, requests must name the loopback address."""
        self._application = application
        self._token = token
        self._cookie = f"rowstream_{address.port}"
        self._names = _LOOPBACK_NAMES | {_name(str(address))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, as an ASGI application."""
        request = Request(scope)
        in_address = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        refused = self._refusal(request, in_address)
        # A cookie, because the links in the page do not hold the token.
        sets_cookie = self._token is not None and refused is None and bool(in_address)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if sets_cookie:
                    headers["Set-Cookie"] = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
            await send(message)

        await (refused or self._application)(scope, receive, send_guarded)

    def _refusal(self, request: Request, in_address: Sequence[str]) -> JSONResponse | None:
        host = request.headers.get("host", "")
        if self._token is None:
            if _name(host) in self._names:
                return None
            expected = f"Expected a request to {', '.join(sorted(self._names))}. Received: {host[:100]}"
            return JSONResponse({"error": expected}, 421)
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        presented = [*in_address, request.cookies.get(self._cookie, ""), bearer if scheme.lower() == "bearer" else ""]
        if any(hmac.compare_digest(token.encode(), self._token.encode()) for token in presented):
            return None
        expected = "Expected the token as ?token= in the address or as Authorization: Bearer. Received another or none"
        return JSONResponse({"error": expected}, 401, {"WWW-Authenticate": "Bearer"})


def _name(host: str) -> str:
    """Returns HOST of HOST or HOST:PORT, in lower case."""
    name, _, port = host.lower().rpartition(":")
    return name if name and port.isdecimal() else host.lower()
