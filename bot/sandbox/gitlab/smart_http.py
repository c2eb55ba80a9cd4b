"""Git's smart HTTP, by git itself: `git http-backend` as a CGI process, fed and read as a stream.

Nothing is held in memory, so a push of hundreds of megabytes, gzip bodies and chunked requests all pass through as
they are (https://git-scm.com/docs/git-http-backend).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

from bot.sandbox.gitlab.repository import git_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

_CHUNK = 1 << 16


def writes(method: str, path: str, service: str) -> bool:
    """Whether a git request is part of a push (`path` is what follows `<project>.git/`)."""
    return path == "git-receive-pack" if method == "POST" else service == "git-receive-pack"


def cgi_environment(request: Request, *, root: Path, path: str, user: str, level: int) -> dict[str, str]:
    """What `git http-backend` reads. `path` is `/<project>.git/...` under `root`.

    `GL_ACCESS_LEVEL` is for the pre-receive hook, which refuses by it. CONTENT_LENGTH is left out on purpose: the
    backend then reads to the end of the body, where with it git 2.39 spins for ever when a client leaves too early.
    """
    headers = request.headers
    return git_environment(
        {
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": request.url.query,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
            "GIT_PROTOCOL": headers.get("git-protocol", ""),
            "REMOTE_ADDR": request.client.host if request.client else "",
            "REMOTE_USER": user,
            "GL_ACCESS_LEVEL": str(level),
        }
    )


class GitBackend:
    """An ASGI answer that is one run of `git http-backend`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Feed the request's body to the process while its output goes out; both ends may stop early."""
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(self._environment),
            start_new_session=True,  # so that its children can be ended with it
        )
        feeding = asyncio.create_task(_feed(process, receive))
        try:
            await _answer(process, send)
        except BaseException:
            _kill(process)
            raise
        finally:
            feeding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await feeding
            if process.stdin is not None:
                process.stdin.close()
            await process.communicate()  # to the end of its pipes, so that nothing is left open


async def _feed(process: asyncio.subprocess.Process, receive: Receive) -> None:
    """Copy the body to the process. When the client leaves, git sees the end of a body that is too short, and stops."""
    stdin = process.stdin
    more = True
    while more and stdin is not None:
        message = await receive()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stdin.write(message.get("body", b""))
            await stdin.drain()
        more = message.get("more_body", False)
    if stdin is not None:
        stdin.close()


def _kill(process: asyncio.subprocess.Process) -> None:
    # Not process.kill(): that polls first, which takes the exit status away from asyncio's own waiting thread, and
    # leaves the children, which hold the pipes.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def _answer(process: asyncio.subprocess.Process, send: Send) -> None:
    stdout = process.stdout
    if stdout is None:
        return
    status, headers = 200, []
    while (line := (await stdout.readline()).rstrip(b"\r\n")) != b"":
        name, _, value = line.partition(b":")
        if name.lower() == b"status":
            status = int(value.split()[0])
        else:
            headers.append((name.lower(), value.strip()))
    if not headers:
        status, headers = 500, [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    while chunk := await stdout.read(_CHUNK):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
