"""What ssh's own messages mean, as sentences that say what to do."""

from __future__ import annotations

from collections.abc import Callable

from bot.errors import DoorError, Unauthorised, Unavailable


def meaning(stderr: bytes, host: str, by_hand: str) -> DoorError:
    """The error for an ssh that reached no shell at `host`. `by_hand` is how a person would connect."""
    said = stderr.decode("utf-8", errors="replace").strip()
    for words, explain in _MEANINGS:
        if any(word in said for word in words):
            return explain(host, by_hand, _last_line(said))
    return Unavailable(f"{host} could not be reached by ssh: {_last_line(said)}.")


def _changed(host: str, by_hand: str, _last: str) -> DoorError:
    return Unauthorised(
        f"The host key of {host} is not the one that is known: the machine was set up anew, or something else answers "
        f"at its address. If you know why, forget the old key as the bot's user on the bot's machine with "
        f"`ssh-keygen -R {host}` (for another port `ssh-keygen -R '[{host}]:port'`), then run `{by_hand} true` and "
        "compare the key it shows."
    )


def _unknown(host: str, by_hand: str, _last: str) -> DoorError:
    return Unauthorised(
        f"The host key of {host} is not known yet, and Stationmaster trusts no key by itself. Run `{by_hand} true` "
        "once as the bot's user on the bot's machine, and compare the key it shows with what "
        "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says at the machine."
    )


def _refused(host: str, by_hand: str, last: str) -> DoorError:
    return Unauthorised(
        f"{host} refused the bot's ssh key ({last}). Add the bot's public key to ~/.ssh/authorized_keys there; "
        f"`{by_hand} true`, as the bot's user on the bot's machine, must work without a password."
    )


def _misconfigured(host: str, by_hand: str, last: str) -> DoorError:
    return Unauthorised(f"ssh cannot use its configuration for {host}: {last}. Mend it until `{by_hand} true` works.")


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it ended without a word"


_MEANINGS: tuple[tuple[tuple[str, ...], Callable[[str, str, str], DoorError]], ...] = (
    (("REMOTE HOST IDENTIFICATION HAS CHANGED", "REVOKED HOST KEY"), _changed),
    (("Host key verification failed", "key is known for"), _unknown),
    (("Permission denied", "Too many authentication failures", "No supported authentication methods"), _refused),
    (("Bad configuration option", "Can't open user config file", "Bad owner or permissions"), _misconfigured),
)
