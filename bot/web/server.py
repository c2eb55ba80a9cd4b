"""uvicorn on a thread of its own, from `start` to `stop`."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import uvicorn

from bot.errors import SettingsError

MOST_AT_ONCE = 256
"""Connections; beyond them the answer is 503."""
KEEP_ALIVE_SECONDS = 75
"""Longer than a proxy keeps an idle connection (usually 60 s): whoever closes first, the other's request is lost."""
GOODBYE_SECONDS = 10
"""How long what was being answered may take at the end."""


class WebServer:
    """Serves `site` (ASGI) on `host` and `port`; 0 is any free port."""

    def __init__(self, site: Callable[..., Any], *, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._server = uvicorn.Server(
            uvicorn.Config(
                site,
                access_log=False,
                lifespan="off",
                limit_concurrency=MOST_AT_ONCE,
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=GOODBYE_SECONDS,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                ws="none",
            )
        )
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)

    def start(self) -> None:
        """Listen. Raises `SettingsError` where that address cannot be had."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            self._socket = socket.create_server((self._host, self._port), family=family, backlog=512)
        except (OSError, OverflowError) as error:
            where = f"{self._host}:{self._port}"
            raise SettingsError(f"HTTP_PORT and HTTP_HOST: cannot listen on {where} ({error}).") from error
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on, after `start`."""
        return int(self._socket.getsockname()[1]) if self._socket is not None else self._port

    def stop(self) -> None:
        """Listen no more; what was being answered is answered first."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(timeout=GOODBYE_SECONDS + 5)
        if self._socket is not None:
            self._socket.close()

    def _serve(self) -> None:
        sockets = [self._socket] if self._socket is not None else None
        self._server.run(sockets=sockets)
