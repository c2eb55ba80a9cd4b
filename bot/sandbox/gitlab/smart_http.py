"""Git's smart HTTP, by git itself: `git http-backend` as a CGI process, fed and read as a stream.

Nothing is held in memory, so a push of hundreds of megabytes, gzip bodies and chunked requests all pass through as
they are (https://git-scm.com/docs/git-http-backend).
"""

from __future__ import annotations

import asyncio
import contextlib
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

    `GL_ACCESS_LEVEL` is for the pre-receive hook, which refuses by it.
    """
    headers = request.headers
    cgi = {
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
    if "content-length" in headers:  # without it (chunked) the backend reads to the end
        cgi["CONTENT_LENGTH"] = headers["content-length"]
    return git_environment(cgi)


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
        )
        feeding = asyncio.create_task(_feed(process, receive))
        try:
            await _answer(process, send)
        finally:
            feeding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await feeding
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            await process.communicate()  # to the end of its pipes, so that nothing is left open


async def _feed(process: asyncio.subprocess.Process, receive: Receive) -> None:
    """Copy the body to the process; when the client leaves, end the process."""
    stdin = process.stdin
    if stdin is None:
        return
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stdin.write(message.get("body", b""))
            await stdin.drain()
        if not message.get("more_body", False):
            stdin.close()


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
