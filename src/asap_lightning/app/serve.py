"""Serving the painter: one process, one model, loopback unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from asap_lightning.app.card import ModelCard
from asap_lightning.app.limits import Limits
from asap_lightning.errors import UserError
from asap_lightning.inference.translator import Translator
from asap_lightning.serving.listener import address_of, is_loopback, listening

GRACE = 20
"""Seconds that requests have to end in once the server was told to."""


def serve(
    load: Callable[[], Translator],
    title: str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits | None = None,
    origins: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> None:
    """Serves until it is interrupted or told to end.

    Args:
        load: loads the model, once the address is known to be free.
        title: what people call it.
        host: address that is listened on.
        port: 0 for any free one.
        limits: of requests.
        origins: sites whose pages may use the interface.
        say: gets what a user should read.

    Raises:
        UserError: an address that cannot be used, or no web server installed.
    """
    limits = limits or Limits()
    try:
        from asap_lightning.app.application import make_app
        from asap_lightning.serving.run import run
    except ImportError as error:
        raise UserError(
            f"the painter is served with fastapi and uvicorn ({error.name} is not installed): "
            "pip install 'asap-lightning[serve]'"
        ) from error
    with listening(host, port, "{}=") as listener:
        translator = load()
        translator.require_canvases()
        card = ModelCard.of(translator, title)
        app = make_app(translator, card, limits=limits, origins=origins)
        translator.warmup(*card.training_size)
        say(f"{title}: {address_of(listener)}/")
        if not is_loopback(host):
            say(
                "other machines can reach this address, and what they send is not encrypted: put a server "
                "that speaks HTTPS in front of it"
            )
        run(app, listener, most_connections=limits.connections, grace=GRACE)
        say("ended")
