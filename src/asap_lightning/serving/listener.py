"""The address that a server listens on."""

from __future__ import annotations

import errno
import ipaddress
import socket

from asap_lightning.errors import UserError


def listening(host: str, port: int, option: str = "--{} ") -> socket.socket:
    """A socket that listens.

    Args:
        host: name or address of this machine.
        port: 0 for any free one.
        option: how the user names an option, for messages: ``--{} `` or ``{}=``.

    Raises:
        UserError: the address cannot be used.
    """
    host_option, port_option = option.format("host"), option.format("port")
    if type(port) is not int or not 0 <= port <= 65535:
        raise UserError(f"{port_option}{port}: a number from 0 to 65535 was expected")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        cause = (
            "another server listens there already"
            if error.errno == errno.EADDRINUSE
            else error.strerror or error
        )
        raise UserError(
            f"{host_option}{host} {port_option}{port} cannot be used ({cause}): choose another port, or "
            f"{port_option}0 for a free one"
        ) from error


def address_of(listener: socket.socket) -> str:
    """``http://127.0.0.1:8000``."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
