"""Which layout a folder has: the one that is named, or the one it looks like."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from asap_lightning.configuration.configs import conf_dir
from asap_lightning.configuration.hydra_errors import translate
from asap_lightning.configuration.quoting import as_typed, quoted
from asap_lightning.configuration.resolvers import register_resolvers
from asap_lightning.data.demo.dataset import MANIFEST
from asap_lightning.data.layouts import Layout, recognise
from asap_lightning.data.source import is_url
from asap_lightning.errors import UserError

CONFIG = "train"


def layout_of(root: str | os.PathLike[str], overrides: list[str]) -> Layout:
    """The layout at ``root`` as ``data=NAME data.key=value ...`` configure it.

    Without ``data=NAME`` the layout is recognised by its folders.

    Raises:
        UserError: a folder that looks like no layout, a wrong override.
    """
    chosen = list(overrides)
    if not any(word.startswith("data=") for word in chosen):
        chosen.insert(0, f"data={'shards' if is_url(root) else recognised(Path(root))}")
    return configured([*chosen, f"data.root={quoted(os.fspath(root))}"])[0]


def configured(overrides: list[str]) -> tuple[Layout, dict[str, Any]]:
    """The layout that overrides of ``asap train`` configure, and the node ``data`` as plain containers.

    Raises:
        UserError: a wrong override, or no ``data.root``.
    """
    register_resolvers()
    overrides = as_typed(overrides)
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            node = compose(CONFIG, overrides).data
        if OmegaConf.is_missing(node, "root"):
            raise UserError(
                "data.root is missing: give the folder of the data set as data.root=DIR, and its layout as "
                "data=NAME"
            )
        layout = instantiate(node.layout, _convert_="all")(node.root, instances=node.instance_edges)
        node.seed = None  # would ask for the run's seed
        return layout, dict(OmegaConf.to_container(node, resolve=True))  # type: ignore[arg-type]
    except (HydraException, OmegaConfBaseException) as error:
        raise translate(error, config_name=CONFIG, overrides=overrides) or error from error


def recognised(root: Path) -> str:
    """Name of the configuration whose layout the folder has.

    Raises:
        UserError: there is no such folder, or it looks like none.
    """
    if not root.is_dir():
        raise UserError(f"{root}: there is no such folder")
    found = recognise(root)
    if found is None:
        names = sorted(path.stem for path in (conf_dir() / "data").glob("*.yaml") if path.stem != "options")
        raise UserError(
            f"{root} looks like no data set that is known here; name its layout with data=NAME, one of "
            + ", ".join(names)
        )
    return "demo" if (root / MANIFEST).is_file() else found.config
