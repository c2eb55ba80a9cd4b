"""TCP connections that can be cut on purpose, which a web framework does not offer."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

Peer = tuple[str, int]


class Connections:
    """The open connections of one server by their peer's address, the WebSockets among them."""

    def __init__(self) -> None:
        self._open: dict[Peer, asyncio.BaseTransport] = {}

    def protocol(self) -> type[H11Protocol]:
        """The HTTP protocol of uvicorn, which enters its connections here."""
        entered = self._open

        class Entered(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                entered[_peer(transport)] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                entered.pop(_peer(self.transport), None)
                super().connection_lost(exc)

        return Entered

    def cut(self, peer: Peer) -> None:
        """Close the connection at once; what was not sent yet is lost."""
        transport = self._open.pop(peer, None)
        if isinstance(transport, asyncio.Transport):
            transport.abort()

    def forget(self, peer: Peer) -> None:
        """A WebSocket's connection ended."""
        self._open.pop(peer, None)


def _peer(transport: asyncio.BaseTransport) -> Peer:
    host, port = transport.get_extra_info("peername")[:2]
    return str(host), int(port)
