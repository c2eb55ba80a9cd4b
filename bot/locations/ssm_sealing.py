"""Standard input for an instance, sealed to its certificate, so that Run Command's history holds nothing to read."""

from __future__ import annotations

import base64
import os
import subprocess
import zlib

from bot.errors import NotFound, Unavailable

SECONDS = 20


def sealed(content: bytes, certificate: str) -> str:
    """`content` as base64 of a CMS message that only the certificate's key opens (AES-256, key agreed by ECDH).

    Neither content nor certificate touch a disk: openssl reads one from standard input, the other from a pipe.
    """
    reading, writing = os.pipe()
    try:
        os.write(writing, certificate.encode())  # a kilobyte; a pipe holds 64
        os.close(writing)
        words = ["cms", "-encrypt", "-binary", "-outform", "DER", "-aes-256-cbc", f"/dev/fd/{reading}"]
        made = subprocess.run(
            ["openssl", *words],
            input=zlib.compress(content),
            capture_output=True,
            check=True,
            timeout=SECONDS,
            pass_fds=[reading],
            env={"PATH": os.environ.get("PATH", os.defpath)},
        ).stdout
    except FileNotFoundError as error:
        raise NotFound("There is no program openssl on the bot's machine. Install openssl.") from error
    except subprocess.SubprocessError as error:
        raise Unavailable("openssl could not seal the standard input of a command for SSM.") from error
    finally:
        os.close(reading)
    return base64.b64encode(made).decode()
