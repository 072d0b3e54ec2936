"""Serving a study: one process, loopback unless told otherwise, no log of who came."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from asap_lightning.errors import UserError
from asap_lightning.preference.answers import Answers
from asap_lightning.preference.study import ANSWERS, read_study
from asap_lightning.serving.listener import address_of, is_loopback, listening

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
        from asap_lightning.preference.web import make_app
        from asap_lightning.serving.run import run
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
        run(make_app(study, answers, folder), listener, most_connections=MOST_REQUESTS)
