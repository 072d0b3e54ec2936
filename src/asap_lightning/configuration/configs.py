"""Where the configuration lies: ``conf/`` of the checkout, or its copy inside the installed package."""

from __future__ import annotations

from pathlib import Path

import asap_lightning


def conf_dir() -> Path:
    """The folder with the root configs and the groups.

    An editable install uses the checkout's own ``conf/``; a wheel carries a copy beside the package's
    modules.
    """
    package = Path(asap_lightning.__file__).resolve().parent
    checkout = package.parents[1] / "conf"
    if package.parent.name == "src" and (checkout / "train.yaml").is_file():
        return checkout
    return package / "conf"
