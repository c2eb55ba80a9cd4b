"""`GitLabSandbox`: a local GitLab in a background thread."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.clock import SystemClock
from bot.errors import UserError
from bot.sandbox.gitlab import entities
from bot.sandbox.gitlab.app import App
from bot.sandbox.gitlab.faults import Fault, FaultBook, Faulty
from bot.sandbox.gitlab.instance import Instance

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from starlette.types import Scope

    from bot.clock import Clock
    from bot.sandbox.gitlab.access import Token, User
    from bot.sandbox.gitlab.app import Seen
    from bot.sandbox.gitlab.instance import Project

_PATIENCE = 30.0


class GitLabSandbox:
    """A GitLab on 127.0.0.1 that keeps everything under `home`, so the next start goes on where it was.

    `port` 0 takes a free one. Made of real parts: bare repositories on disk, git's own smart HTTP, SQLite.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int = 0,
        tokens: Iterable[Token] = (),
        users: Iterable[User] = (),
        clock: Clock | None = None,
    ) -> None:
        self._instance = Instance(home, tokens=tokens, users=users, clock=clock or SystemClock())
        self._faults = FaultBook()
        self._app = App(self._instance, self._faults)
        self._socket = _listen(port)
        self._instance.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = _Server(Faulty(self._app, self._faults, self._hang_up))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="gitlab-sandbox")

    @property
    def url(self) -> str:
        """The root address, without a slash at its end."""
        return self._instance.url

    @property
    def requests(self) -> list[Seen]:
        """What was asked and how it was answered, oldest first. A request that a fault took is not among them."""
        return list(self._app.seen)

    @property
    def projects(self) -> list[Project]:
        """All projects."""
        return self._instance.projects()

    def start(self) -> None:
        """Start serving; returns when the server answers."""
        self._thread.start()
        if not self._server.ready.wait(_PATIENCE):
            raise UserError("The local GitLab did not start within 30 seconds.")

    def stop(self) -> None:
        """Finish what is being answered, stop serving and close every file. May be called twice."""
        if self._thread.is_alive():
            self._server.should_exit = True
            self._thread.join(_PATIENCE)
        self._socket.close()
        self._instance.store.close()

    def create_project(
        self,
        path: str,
        *,
        default_branch: str = "main",
        visibility: str = "private",
        protect_default_branch: bool = False,
    ) -> Project:
        """Make `group/name` with an empty bare repository; returns the one that is there when there is one.

        `visibility` `public` lets anybody clone and read the API without a token. The pages are open in any case.
        """
        return self._instance.create_project(
            path,
            default_branch=default_branch,
            visibility=visibility,
            protect_default_branch=protect_default_branch,
            created_at=entities.moment(self._instance.clock.now()),
        )

    def fault(
        self,
        method: str,
        path: str,
        kind: str,
        *,
        times: int = 1,
        retry_after: int | None = None,
        delay: float = 1.0,
    ) -> None:
        """Let the next `times` requests that match fail; see `faults.Fault`."""
        self._faults.add(Fault(method, path, kind, times=times, retry_after=retry_after, delay=delay))

    def clear_faults(self) -> None:
        """Forget the faults that did not happen yet."""
        self._faults.clear()

    def _hang_up(self, scope: Scope) -> None:
        self._server.hang_up(scope["client"])


def _listen(port: int) -> socket.socket:
    # The protocol is named because asyncio turns Nagle's algorithm off only then: 40 ms less for each answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise UserError(f"The local GitLab cannot use port {port}: {error.strerror}. Choose another port.") from error
    listener.listen(128)
    return listener


class _Server(uvicorn.Server):
    """uvicorn, with a word when it is ready and a way to drop one connection."""

    def __init__(self, app: Faulty) -> None:
        self.ready = threading.Event()
        config = uvicorn.Config(
            app,
            http=H11Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self.ready.set()

    def hang_up(self, client: tuple[str, int]) -> None:
        """Close the connection of a client (address, port) at once, whatever was to be sent on it."""
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if isinstance(transport, asyncio.Transport) and transport.get_extra_info("peername") == client:
                transport.abort()
