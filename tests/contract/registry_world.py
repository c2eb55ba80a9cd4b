"""A real registry on loopback (Debian's docker-registry), open or with an account."""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ACCOUNT, PASSWORD = "AWS", "sandbox-registry-password"  # ECR's account is always called AWS
CONFIGURATION = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/images}}}}
http: {{addr: 127.0.0.1:{port}}}
"""
AUTHORISATION = "auth: {{htpasswd: {{realm: sandbox, path: {folder}/accounts}}}}\n"


@contextlib.contextmanager
def a_registry(folder: Path, *, account: bool = False, password: str = PASSWORD) -> Iterator[str]:
    """Its address, as it stands before an image's name; `account`: it opens to ACCOUNT with that password only."""
    if not shutil.which("docker-registry"):
        pytest.skip("there is no docker-registry here: apt install docker-registry")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = CONFIGURATION + (AUTHORISATION if account else "")
    (folder / "config.yml").write_text(text.format(folder=folder, port=port))
    (folder / "accounts").write_text(f"{ACCOUNT}:{_bcrypt(password)}\n")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        _wait_for(port, server, folder / "log")
        yield f"localhost:{port}"  # podman logs in without TLS at this name alone
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert server.poll() is None, f"the registry did not start: {log.read_text()}"
        assert time.monotonic() < deadline, f"the registry did not start: {log.read_text()}"
        time.sleep(0.05)


def _bcrypt(password: str) -> str:
    """The one form of a password that the registry takes; libcrypt makes it, Python does not."""
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    made: bytes = crypt(password.encode(), b"$2b$05$abcdefghijklmnopqrstuu")
    return made.decode()
