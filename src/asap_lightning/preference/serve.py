"""Serving a study: one process, loopback unless told otherwise, no log of who came."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path

from asap_lightning.errors import UserError
from asap_lightning.preference.answers import Answers
from asap_lightning.preference.study import ANSWERS, read_study

MOST_REQUESTS = 200
"""At the same time; more are told to come again."""


def serve(
    folder: Path, host: str = "127.0.0.1", port: int = 8000, say: Callable[[str], None] = print
) -> None:
    """Serves until it is interrupted.

    Args:
        folder: of the study.
        host: address that is listened on.
        port: 0 for any free one.
        say: gets what a user should read.

    Raises:
        UserError: no study, damaged answers, an address that cannot be used, or no web server installed.
    """
    study = read_study(folder)
    try:
        import uvicorn

        from asap_lightning.preference.web import make_app
    except ImportError as error:
        raise UserError(
            f"a study is served with starlette and uvicorn ({error.name} is not installed): "
            "pip install 'asap-lightning[study]'"
        ) from error
    answers = Answers(folder / ANSWERS, study)
    with answers, listening(host, port) as listener:
        address = address_of(listener)
        say(f"{study.title}: {len(answers.participants())} of {study.participants} take part")
        say(f"link for participants  {address}/join/{study.token}/")
        if not is_loopback(host):
            say(
                "other machines can reach this address, and what they send is not encrypted: put a server "
                "that speaks HTTPS in front of it"
            )
        config = uvicorn.Config(
            make_app(study, answers, folder),
            log_level="warning",
            access_log=False,  # addresses of people, and links that are theirs
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            limit_concurrency=MOST_REQUESTS,
            timeout_keep_alive=10,
            timeout_graceful_shutdown=5,
        )
        uvicorn.Server(config).run(sockets=[listener])


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        UserError: the address cannot be used.
    """
    if not 0 <= port <= 65535:
        raise UserError(f"--port {port}: a number from 0 to 65535 was expected")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise UserError(
            f"--host {host} --port {port} cannot be used ({error}): choose another port, or --port 0 for "
            "a free one"
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
