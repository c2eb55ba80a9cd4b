"""Commands and programs of the documents, run as they are written there, with the demo's own ports in them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MINUTE = 60
_EXPECTED = {"slack": 8765, "gitlab": 8766, "aws": 8767}


def blocks(document, heading, language):
    """The code of that language under a heading, in order."""
    text = (ROOT / document).read_text()
    (section,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(rf"^```{language}\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    assert found, f"{document} has no {language} under {heading!r}"
    return found


def run(code, folder, *, ports=None, language="sh"):
    """What the code prints, run in `folder` as by a person who has none of our settings; it has to succeed.

    `ports` replaces those that the demo prefers. Lines that install packages are left out: nothing is fetched here.
    """
    for name, port in _EXPECTED.items():
        code = code.replace(f"127.0.0.1:{port}", f"127.0.0.1:{(ports or _EXPECTED)[name]}")
    code = re.sub(r"^pip install .*$", "", code, flags=re.MULTILINE)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {f"DVC_{name}_DIR": str(folder.parent / "dvc") for name in ("GLOBAL_CONFIG", "SYSTEM_CONFIG", "SITE_CACHE")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code] if language == "sh" else [sys.executable, "-c", code],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder.parent), "DVC_NO_ANALYTICS": "1", "GIT_CONFIG_NOSYSTEM": "1", **own},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3 * MINUTE,
        check=False,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def ports(home):
    """Those of the demo in that folder."""
    return json.loads((home / "addresses.json").read_text())
