"""Turns what Hydra, OmegaConf and constructors raise for a wrong configuration into one message."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import (
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from asap_lightning.configuration.configs import conf_dir
from asap_lightning.configuration.quoting import typed_text
from asap_lightning.configuration.suggest import did_you_mean
from asap_lightning.errors import UserError

# What a constructor raises when a value does not suit it; anything else is our mistake, not the user's.
UNSUITABLE = (TypeError, ValueError)
# A full disk, a missing permission, a file where a folder is needed: nothing a traceback explains.
OF_THE_MACHINE = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR),
        *(errno.ENAMETOOLONG, errno.EISDIR, errno.ELOOP),
    }
)
# How libraries say that a setting of theirs makes no sense; by name, since importing them takes seconds.
OF_THE_SETTINGS = frozenset({"MisconfigurationException", "UsageError"})
# Notes for programmers inside Hydra's and OmegaConf's messages.
NOISE = re.compile(
    r"\n*Set the environment variable HYDRA_FULL_ERROR=1.*"
    r"|\n*Config search path:.*"
    r"|\nSee https://hydra\.cc/\S+ for details"
    r"|\n *object_type=\S*",
    re.S,
)
# Launchers that are plugins of Hydra -> what brings them.
LAUNCHERS = {
    "joblib": "asap-lightning[sweep]",
    "submitit_local": "asap-lightning[sweep]",
    "submitit_slurm": "asap-lightning[sweep]",
    "ray": "ray hydra-ray-launcher",
}
IN_RESOLVER = "UserError raised while resolving interpolation: "


def translate(error: BaseException, *, config_name: str, overrides: Sequence[str]) -> UserError | None:
    """The message of a user's mistake that ``error`` stands for, or None when it is a crash."""
    found = next((link for link in chain(error) if isinstance(link, UserError)), None)
    if found is not None:
        return found
    if isinstance(error, RuntimeError) and (died := worker_death_in(error)) is not None:
        return died
    if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
        return UserError(f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror))
    if IN_RESOLVER in str(error):
        return UserError(str(error).partition(IN_RESOLVER)[2].partition("\n    full_key:")[0])
    if isinstance(error, OverrideParseException):
        return UserError(
            f"cannot read the override '{error.override}': {tidy(error)}{text_hint(error.override)}"
        )
    if isinstance(error, InstantiationException):
        return unsuitable(error)
    if (refused := refusal_in(error)) is not None:
        return UserError(refused)
    if isinstance(error, MissingMandatoryValue):
        return UserError(f"a value is missing: {missing_key(error)}; give it as {missing_key(error)}=VALUE")
    if isinstance(error, MissingConfigException):
        return UserError(tidy(error) + option_hint(error))
    if isinstance(error, HydraException | OmegaConfBaseException):
        return UserError(tidy(error) + key_hint(error, config_name, overrides))
    return None


def worker_death_in(error: BaseException) -> UserError | None:
    """The message for a loader worker that has died; torch is loaded by then, but not for ``--help``."""
    if "DataLoader worker" not in "".join(str(link) for link in chain(error)):
        return None
    from asap_lightning.data.loader import worker_death

    return worker_death(chain(error))


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, its cause, the cause's cause, and so on."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def tidy(error: BaseException) -> str:
    """Hydra's text, and what caused it where that says more, without notes for programmers."""
    texts = [NOISE.sub("", str(error)).strip()]
    cause = error.__cause__
    if isinstance(cause, OmegaConfBaseException) and "is not in struct" not in str(cause):
        texts.append(NOISE.sub("", str(cause)).strip())
    return "\n".join(dict.fromkeys(texts))


def unsuitable(error: InstantiationException) -> UserError | None:
    """The message for a constructor that refused its arguments."""
    cause = next((link for link in chain(error) if isinstance(link, UNSUITABLE)), None) or next(
        (link for link in chain(error) if is_refusal(link)), None
    )
    where = re.search(r"full_key: (\S+)", str(error))
    key = f" (configured under '{where.group(1)}')" if where else ""
    if cause is not None:
        return UserError(f"{str(cause).strip()}{key}")
    root = list(chain(error))[-1]
    if isinstance(root, ImportError) and "Error in call" in str(error):  # a library that is not installed
        return UserError(f"{' '.join(str(root).split())}{key}")
    if isinstance(root, ImportError | AttributeError | InstantiationException):
        return UserError(f"{tidy(error)}")
    return None


def is_refusal(error: BaseException) -> bool:
    """Whether a library refuses a setting with this error."""
    return any(kind.__name__ in OF_THE_SETTINGS for kind in type(error).__mro__)


def refusal_in(error: BaseException) -> str | None:
    """What a library says about a setting that it refuses, if this is such an error."""
    found = next((link for link in chain(error) if is_refusal(link)), None)
    return None if found is None else " ".join(str(found).split())


def text_hint(override: str) -> str:
    """How to type a value that Hydra takes apart."""
    key, sign, value = override.partition("=")
    if not sign or not re.fullmatch(r"[\w.+/@-]+", key) or not value:
        return ""
    return f"\nIf it is meant as text, type {typed_text(key, value)}"


def missing_key(error: MissingMandatoryValue) -> str:
    """The dotted name of a value that is still ``???``."""
    return str(error.full_key or error.key)


def option_hint(error: MissingConfigException) -> str:
    """Nearest option of the group in which a config was not found."""
    wanted = (error.missing_cfg_file or "").rpartition("/")[2]
    if wanted in LAUNCHERS and "hydra/launcher" in str(error.missing_cfg_file):
        return f"\nThis launcher needs: pip install {LAUNCHERS[wanted]}"
    hint = did_you_mean(wanted, error.options or []) if wanted else ""
    return f"\n{hint.strip()}" if hint else ""


def key_hint(error: BaseException, config_name: str, overrides: Sequence[str]) -> str:
    """Nearest key or group to the override that Hydra could not apply."""
    quoted = re.search(
        r"Could not (?:override|delete from config|find|append to config)[^']*'([^'=]+)", str(error)
    )
    if quoted is None:
        return ""
    wanted = quoted.group(1).split("@")[0]
    hint = did_you_mean(wanted, known_keys(config_name, overrides, without=wanted))
    return f"\n{hint.strip()}" if hint else ""


def known_keys(config_name: str, overrides: Sequence[str], *, without: str) -> list[str]:
    """Every key and group of the configuration, composed with the group choices but that of ``without``."""
    with initialize_config_dir(str(conf_dir()), version_base=None):
        loader = GlobalHydra.instance().config_loader()
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))
        choices = [
            str(override.input_line)
            for override in parsed
            if override.key_or_group != without and loader.get_group_options(override.key_or_group)
        ]
        try:
            config = loader.load_configuration(config_name, choices, run_mode=RunMode.RUN)
        except (HydraException, OmegaConfBaseException):
            return []
    groups = [str(choice) for choice in config.hydra.runtime.choices if not str(choice).startswith("hydra")]
    return groups + list(dotted_keys(config))


def dotted_keys(config: DictConfig, prefix: str = "") -> Iterator[str]:
    """Dotted names of all nodes but Hydra's own."""
    for key in config:
        name = f"{prefix}{key!s}"
        if name == "hydra":
            continue
        yield name
        child = config._get_node(key)
        if isinstance(child, DictConfig) and not (
            child._is_none() or child._is_missing() or child._is_interpolation()
        ):
            yield from dotted_keys(child, f"{name}.")
