"""An ASGI application on a thread of its own, on loopback, that other threads can run things in."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.errors import UserError

Result = TypeVar("Result")
HOST = "127.0.0.1"


class LoopbackServer:
    """`port` 0 takes a free one; the address is taken at once, and answered between `start` and `stop`.

    Raises:
        UserError: the port is taken.
    """

    def __init__(self, port: int) -> None:
        # The protocol is named because asyncio turns Nagle's algorithm off only then: 40 ms less for each answer.
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((HOST, port))
            self._listener.listen(128)  # only a listening socket keeps a second sandbox off the port
        except OSError as error:
            self._listener.close()
            why = f"Port {port} of {HOST} cannot be used ({error.strerror})."
            raise UserError(f"{why} Stop the program that has it, or choose another port.") from error
        self.port: int = self._listener.getsockname()[1]
        self._gate = threading.Lock()  # held to hand something to the loop, and to end it
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: _Announcing | None = None
        self._thread: threading.Thread | None = None

    def start(self, application: Starlette, protocol: type[H11Protocol]) -> None:
        """Serve; returns once connections are answered."""
        config = uvicorn.Config(
            cast("Any", application),  # two libraries' spellings of ASGI
            http=protocol,
            ws="websockets-sansio",
            ws_ping_interval=20.0,
            ws_per_message_deflate=False,
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = server = _Announcing(config)
        self._thread = threading.Thread(target=self._run, args=(server,), name=f"slack-{self.port}", daemon=True)
        self._thread.start()
        server.up.wait()

    def stop(self) -> None:
        """Close every connection and end the thread; doing it again changes nothing."""
        if self._server is None or self._thread is None:
            self._listener.close()
            return
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def call(self, deed: Callable[[], Result]) -> Result:
        """Run `deed` in the server's thread, or right here while it does not run."""
        if self._loop is None:
            return deed()

        async def done() -> Result:
            return deed()

        return self.run(done())

    def run(self, deed: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the server's thread and wait for it.

        Raises:
            RuntimeError: the server does not run, or stopped meanwhile.
        """
        with self._gate:
            if self._loop is None:
                deed.close()
                raise RuntimeError("the server does not run: call start() first")
            future: Future[Result] = asyncio.run_coroutine_threadsafe(deed, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise RuntimeError("the server stopped meanwhile") from None

    def _run(self, server: _Announcing) -> None:
        try:
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                runner.run(server.serve(sockets=[self._listener]))
                with self._gate:
                    self._loop = None
                runner.run(asyncio.sleep(0))  # what was handed over last begins; closing the runner ends it
        finally:
            server.up.set()


class _Announcing(uvicorn.Server):
    """Says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()
