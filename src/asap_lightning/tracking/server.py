"""W&B's server: its address, whether there are credentials for it, whether it answers."""

from __future__ import annotations

import configparser
import logging
import netrc
import os
from pathlib import Path
from urllib.parse import urlsplit

from asap_lightning.errors import UserError

log = logging.getLogger(__name__)

DEFAULT_ADDRESS = "https://api.wandb.ai"
LOGIN_ADVICE = "run `wandb login`, or set WANDB_API_KEY"


def server_address() -> str:
    """Address of W&B's server: WANDB_BASE_URL, else what ``wandb login --host`` has kept, else W&B's own."""
    if address := os.environ.get("WANDB_BASE_URL"):
        return address.rstrip("/")
    folder = os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb"
    settings = configparser.ConfigParser(interpolation=None)
    try:
        settings.read(Path(folder).expanduser() / "settings", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        log.warning("W&B: cannot read its settings in %s (%s)", folder, str(error).splitlines()[0])
    return settings.get("default", "base_url", fallback=DEFAULT_ADDRESS).rstrip("/")


def has_api_key() -> bool:
    """Whether W&B would find credentials for its server without asking: environment or netrc."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlsplit(server_address()).hostname or ""
    named = os.environ.get("NETRC")
    for path in [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]:
        try:
            if path.is_file() and netrc.netrc(path).authenticators(host):
                return True
        except (OSError, netrc.NetrcParseError) as error:
            log.warning("W&B: cannot read %s (%s)", path, error)
    return False


def require_server(purpose: str, seconds: float = 15.0) -> None:
    """Asks once whether the server can be spoken to, because W&B's own client tries again for minutes.

    Args:
        purpose: what it is needed for; begins the message.
        seconds: how long to wait for any answer.

    Raises:
        UserError: no credentials, no answer, or an error of the server's.
    """
    import requests

    address = server_address()
    if not has_api_key():
        raise UserError(f"{purpose}: there is no W&B API key for {address}: {LOGIN_ADVICE}")
    try:
        answer = requests.get(f"{address}/healthz", timeout=seconds)
    except requests.RequestException as error:
        reason = "it does not answer" if isinstance(error, requests.Timeout) else "no connection"
        raise UserError(
            f"{purpose}: W&B's server {address} cannot be reached ({reason} within {seconds:g} s); "
            "check the network, a proxy (HTTPS_PROXY), or the address (WANDB_BASE_URL)"
        ) from error
    if answer.status_code >= 500:
        raise UserError(
            f"{purpose}: W&B's server {address} answers with error {answer.status_code}; try again later"
        )
