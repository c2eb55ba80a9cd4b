# ruff: noqa: INP001 - a file for the instances, no module of a package
"""What the SSM document `Stationmaster-Run` runs on an instance: one command, or a piece of a file, and one answer.

Standard library only, for an instance's own python3 (3.7 or newer), and openssl for what comes by standard input.
The answer is one JSON object of fewer than 24,000 characters, which is all that Run Command brings back.

    open   the certificate to which standard input is sealed; its key is made anew when the machine starts
    put    keep part `number` of the sealed standard input of `call`
    run    run `argv` once, with `number` parts that were put and the last one in `data`; of several with the same call
           one runs it, and all give its answer
    more   the output of a call from `offset`: `number` 1 is standard output, 2 standard error
    read   a piece of the regular file `argv[0]` from `offset`

No line here may hold two opening braces side by side: SSM would take them for a parameter.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAMES = ("verb", "call", "user", "seconds", "number", "offset", "limit", "argv", "data")
HOME = Path(os.environ.get("STATIONMASTER_RUN_DIR", "/run/stationmaster"))
"""Forgotten when the power goes: neither key nor outputs are on a disk."""
PIECE = 15000
"""Bytes, compressed, that an answer holds: 20,000 characters as base64."""
KEPT_SECONDS = 600
"""So long a call is remembered for those who ask again."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main(told: Mapping[str, str]) -> dict[str, Any]:
    """The answer to the document's parameters, which came as text that fits their patterns."""
    HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = HOME.lstat()
    if own.st_uid != os.geteuid() or not stat.S_ISDIR(own.st_mode):
        return {"state": "failed", "why": f"{HOME} belongs to somebody else"}
    verbs = {"open": certificate, "put": put, "run": call, "more": more, "read": read}
    return verbs[told["verb"]](told)


def put(told: Mapping[str, str]) -> dict[str, Any]:
    """Keep one part of a call's standard input."""
    replace(folder_of(told) / f"part-{told['number']}", told["data"].encode())
    return {"state": "ok"}


def call(told: Mapping[str, str]) -> dict[str, Any]:
    """Run a command, or wait for whoever runs it already; the answer is the same."""
    forget_old_calls()
    folder = folder_of(told)
    answer = folder / "answer"
    try:
        parts = [(folder / f"part-{n}").read_text() for n in range(int(told["number"]))]
        stdin = unseal("".join([*parts, told["data"]]))
    except (OSError, ValueError, subprocess.SubprocessError):
        if not (folder / "taken").exists():
            return {"state": "unsealed"}
    try:
        (folder / "taken").mkdir()
    except FileExistsError:
        end = time.monotonic() + float(told["seconds"]) + 1
        while not answer.exists():
            if time.monotonic() > end:
                return {"state": "failed", "why": "it was begun before, and nobody knows how it ended"}
            time.sleep(0.05)
    else:
        replace(answer, json.dumps(run(folder, told, stdin)).encode())
    return dict(json.loads(answer.read_text()))


def run(folder: Path, told: Mapping[str, str], stdin: bytes) -> dict[str, Any]:
    """Run `argv` as `user`, in a process group that is ended after `seconds`."""
    user = told["user"]
    out, err = folder / "out", folder / "err"
    try:
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = start(words_of(told), user, stdout, stderr)
    except KeyError:
        return {"state": "failed", "why": f"there is no user {user} on the instance"}
    except FileNotFoundError:
        return {"state": "missing"}
    except OSError as error:
        return {"state": "failed", "why": str(error.strerror)}
    late = False
    try:
        process.communicate(stdin, float(told["seconds"]))
    except subprocess.TimeoutExpired:
        late = True
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for part in folder.glob("part-*"):
        part.unlink()
    return {"state": "late" if late else "ended", "code": process.returncode, **beginnings(out, err)}


def start(argv: list[str], user: str, stdout: Any, stderr: Any) -> subprocess.Popen[bytes]:
    """Start a command that leads a session of its own, as `user`, with an environment made from nothing."""
    who = pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())

    def become() -> None:
        os.setsid()
        os.umask(0o022)
        if who.pw_uid != os.geteuid():
            os.initgroups(who.pw_name, who.pw_gid)
            os.setgid(who.pw_gid)
            os.setuid(who.pw_uid)

    environment = {"HOME": who.pw_dir, "LANG": "C.UTF-8", "PATH": PATH, "SHELL": who.pw_shell}
    environment.update(LOGNAME=who.pw_name, USER=who.pw_name)
    return subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        cwd="/",
        env=environment,
        preexec_fn=become,  # noqa: PLW1509 - there are no threads here
    )


def beginnings(out: Path, err: Path) -> dict[str, Any]:
    """Sizes and beginnings of both outputs; what they hold wholly is not kept beside them."""
    answer: dict[str, Any] = {}
    for name, path, room in (("err", err, PIECE // 4), ("out", out, PIECE - PIECE // 4)):
        with path.open("rb") as said:
            first = said.read(room)
        size = path.stat().st_size
        answer[f"{name}_size"] = size
        answer[name] = base64.b64encode(zlib.compress(first)).decode()
        if len(first) == size:
            path.unlink()
    return answer


def more(told: Mapping[str, str]) -> dict[str, Any]:
    """A piece of what a call said."""
    with (folder_of(told) / ("out" if told["number"] == "1" else "err")).open("rb") as said:
        said.seek(int(told["offset"]))
        return packed(said.read(int(told["limit"])))


def read(told: Mapping[str, str]) -> dict[str, Any]:
    """A piece of a regular file; a link at the end of the path is not followed, and no pipe's end is waited for."""
    try:
        number = os.open(words_of(told)[0], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return packed(b"")
        if error.errno in (errno.ELOOP, errno.ENXIO):
            return {"state": "no file"}
        return {"state": "failed", "why": str(error.strerror)}
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return {"state": "no file"}
        return packed(os.pread(number, int(told["limit"]), int(told["offset"])))
    finally:
        os.close(number)


def packed(content: bytes) -> dict[str, Any]:
    """As much of the beginning of `content` as an answer holds."""
    small = zlib.compress(content)
    while len(small) > PIECE:
        content = content[: min(len(content) // 2, len(content) * PIECE // len(small))]
        small = zlib.compress(content)
    return {"state": "ok", "content": base64.b64encode(small).decode()}


def certificate(_told: Mapping[str, str]) -> dict[str, Any]:
    """The certificate, made with its key when there is none; of several who make one, one wins."""
    kept = HOME / "sealing"
    if not kept.exists():
        mine = HOME / f"making-{os.getpid()}"
        mine.mkdir(mode=0o700)
        words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"]
        openssl([*words, "-subj", "/CN=stationmaster", "-keyout", f"{mine}/key.pem", "-out", f"{mine}/certificate.pem"])
        try:
            mine.rename(kept)
        except OSError:
            shutil.rmtree(str(mine))
    return {"state": "ok", "certificate": (kept / "certificate.pem").read_text()}


def unseal(sealed: str) -> bytes:
    """What was sealed to this machine's certificate; nothing for nothing."""
    if not sealed:
        return b""
    kept = HOME / "sealing"
    words = ["cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", f"{kept}/key.pem"]
    small = openssl([*words, "-recip", f"{kept}/certificate.pem"], base64.b64decode(sealed))
    try:
        return zlib.decompress(small)
    except zlib.error as error:
        raise ValueError("it was sealed to another machine") from error


def openssl(words: list[str], stdin: bytes = b"") -> bytes:
    """What openssl answers."""
    return subprocess.run(
        ["openssl", *words], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=20
    ).stdout


def folder_of(told: Mapping[str, str]) -> Path:
    """The call's own folder."""
    folder = HOME / f"call-{told['call']}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def words_of(told: Mapping[str, str]) -> list[str]:
    """The command's words."""
    return [os.fsdecode(word) for word in zlib.decompress(base64.b64decode(told["argv"])).split(b"\0")]


def replace(path: Path, content: bytes) -> None:
    """Write a file so that nobody sees half of it."""
    new = path.with_name(f"{path.name}-{os.getpid()}")
    new.write_bytes(content)
    new.rename(path)


def forget_old_calls() -> None:
    """Remove what nobody will ask for again."""
    for folder in HOME.glob("call-*"):
        try:
            old = folder.stat().st_mtime < time.time() - KEPT_SECONDS
        except FileNotFoundError:
            continue
        if old:
            shutil.rmtree(str(folder), ignore_errors=True)


if __name__ == "__main__":
    try:
        answer = main(dict(zip(NAMES, sys.argv[1:])))  # noqa: B905 - `strict` came with Python 3.10
    except Exception as error:  # noqa: BLE001 - an answer is all that comes back
        answer = {"state": "failed", "why": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps({"v": 1, **answer}) + "\n")
