"""Shuts a network namespace off from the cloud's metadata services. Standard library only; needs CAP_NET_ADMIN.

    python -P -m trainer.metadata

Run once in the namespace that a training will join: the training has no capability and cannot undo it. Two things are
set for each address, over rtnetlink (linux/rtnetlink.h, linux/neighbour.h): a route that refuses, and on each interface
a neighbour that does not exist. The second is for sockets bound to an interface, for which Linux takes an address
without a route to be a neighbour.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys

ADDRESSES = (
    "169.254.169.254",  # EC2, Google Cloud, Azure
    "169.254.170.2",  # ECS task roles
    "169.254.170.23",  # EKS pod identities
    "100.100.100.200",  # Alibaba Cloud
    "fd00:ec2::254",
    "fd00:ec2::23",
)

_NEW_ROUTE, _NEW_NEIGHBOUR, _ERROR = 24, 28, 2
_REQUEST, _ACK, _REPLACE, _CREATE = 0x1, 0x4, 0x100, 0x400
_MAIN_TABLE, _BOOT, _UNIVERSE, _UNREACHABLE = 254, 3, 0, 7
_DESTINATION, _PRIORITY = 1, 6  # RTA_DST and NDA_DST; RTA_PRIORITY
_LINK_ADDRESS, _PERMANENT = 2, 0x80  # NDA_LLADDR; NUD_PERMANENT
_NOBODY = bytes.fromhex("020000000001")  # locally administered, and nobody's
_NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EOPNOTSUPP, errno.EACCES, errno.ENODEV, errno.EINVAL)
"""What is said of an IPv6 address where IPv6 is off; then there is nothing to shut."""


def main() -> int:
    """Shut all of them; 0 when every one is shut."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        for address in ADDRESSES:
            try:
                shut(netlink, address)
            except OSError as error:
                if ":" not in address or error.errno not in _NO_SUCH_FAMILY:
                    raise
    return 0


def shut(netlink: socket.socket, address: str) -> None:
    """Make one address unreachable from this network namespace.

    Raises:
        OSError: the kernel refused.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    target = socket.inet_pton(family, address)
    _ask(netlink, _NEW_ROUTE, _route(family, target))
    for index, name in socket.if_nameindex():
        if name != "lo":
            _ask(netlink, _NEW_NEIGHBOUR, _neighbour(family, target, index))


def _route(family: int, target: bytes) -> bytes:
    head = struct.pack(
        "=BBBBBBBBI", family, len(target) * 8, 0, 0, _MAIN_TABLE, _BOOT, _UNIVERSE, _UNREACHABLE, 0
    )  # struct rtmsg
    return head + _attribute(_DESTINATION, target) + _attribute(_PRIORITY, struct.pack("=I", 1))


def _neighbour(family: int, target: bytes, index: int) -> bytes:
    head = struct.pack("=BxxxiHBB", family, index, _PERMANENT, 0, 0)  # struct ndmsg
    return head + _attribute(_DESTINATION, target) + _attribute(_LINK_ADDRESS, _NOBODY)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def _ask(netlink: socket.socket, kind: int, body: bytes) -> None:
    flags = _REQUEST | _ACK | _CREATE | _REPLACE
    netlink.send(struct.pack("=IHHII", len(body) + 16, kind, flags, 1, 0) + body)  # struct nlmsghdr
    answer = netlink.recv(65536)
    (said,) = struct.unpack_from("=H", answer, 4)
    (code,) = struct.unpack_from("=i", answer, 16)
    if said == _ERROR and code:
        raise OSError(-code, f"the kernel refused a netlink request: {errno.errorcode.get(-code, code)}")


if __name__ == "__main__":
    sys.exit(main())
