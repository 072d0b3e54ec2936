"""A configuration as plain containers, and a constructor's refusal as a message that names the key.

Imports nothing heavy: every command with a configuration needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from asap_lightning.errors import UserError

Plain = dict[str, Any]


@contextmanager
def configured_by(key: str) -> Iterator[None]:
    """Turns a constructor's refusal of its arguments into a message that names the configuration's key.

    Nothing but constructors runs in such a block, so that whatever they raise is about what they were given;
    ``--debug`` shows where. Errors of files and of the composition have messages of their own.
    """
    try:
        yield
    except (UserError, OSError, HydraException, OmegaConfBaseException):
        raise
    except Exception as error:
        text = str(error) if isinstance(error, TypeError | ValueError) else f"{type(error).__name__}: {error}"
        raise UserError(f"{key}: {text}") from error


def plain(config: DictConfig) -> Plain:
    """The configuration as plain containers, every reference resolved, nothing missing."""
    return dict(OmegaConf.to_container(config, resolve=True, throw_on_missing=True))  # type: ignore[arg-type]
