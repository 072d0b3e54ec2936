"""``asap data shard``: writes a data set as tar shards."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asap_lightning.commands.flags import Commands
from asap_lightning.errors import UserError

OUT = "out="


class _OutAmongOverrides(argparse.Action):
    """Takes ``out=DIR`` out of the overrides, all of which are for ``data``."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        given = [word.removeprefix(OUT) for word in values if word.startswith(OUT)]
        namespace.out = Path(given[-1]).expanduser() if given else None
        namespace.overrides = [word for word in values if not word.startswith(OUT)]


def add_parser(commands: Commands) -> None:
    """Adds ``shard`` to the sub-commands of ``asap data``."""
    shard = commands.add(
        "shard",
        "write a data set as a few large tar files (shards), for fast or remote reading",
        "asap data shard data=cityscapes data.root=DIR out=SHARDS",
        "asap data shard data=facades data.root=DIR out=SHARDS data.height=512 data.width=512 --resize",
    )
    shard.add_argument(
        "overrides",
        nargs="*",
        action=_OutAmongOverrides,
        metavar="key=value",
        help="the data set, as for asap train, and the folder that receives the shards: data=NAME "
        "data.root=DIR out=DIR",
    )
    shard.add_argument(
        "--shard-mb",
        type=float,
        default=256.0,
        metavar="MB",
        help="size of a shard, 10^6 bytes (default: %(default)g)",
    )
    shard.add_argument(
        "--splits",
        nargs="+",
        choices=("train", "val", "test"),
        metavar="SPLIT",
        help="train, val, test (default: all)",
    )
    shard.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default: %(default)s)")
    shard.add_argument(
        "--reencode",
        action="store_true",
        help="store decoded class ids and depths, which need no more mapping",
    )
    shard.add_argument(
        "--resize",
        action="store_true",
        help="store pairs at the size that data.mode gives them before a crop",
    )
    shard.add_argument(
        "--photo-format",
        choices=("ppm", "png", "jpeg"),
        help="how --resize stores photos: ppm decodes fastest, png is half as large, jpeg loses something "
        "(default: ppm)",
    )
    shard.add_argument(
        "--photo-quality", type=int, default=95, metavar="N", help="of JPEG, 1 to 100 (default: %(default)s)"
    )
    shard.add_argument("--no-check", action="store_true", help="copy files without reading what is in them")
    shard.set_defaults(action=write)


def write(options: argparse.Namespace) -> int:
    """Writes the shards and prints the table."""
    from rich.console import Console
    from rich.progress import TimeRemainingColumn

    from asap_lightning.commands.counting_bar import counting_bar
    from asap_lightning.configuration.data_layout import configured
    from asap_lightning.data.layout import SPLITS
    from asap_lightning.data.shards.members import Encoding
    from asap_lightning.data.shards.writer import write_shards
    from asap_lightning.data.transforms import Geometry

    if options.out is None:
        raise UserError("out is missing: give the folder that receives the shards as out=DIR")
    layout, node = configured(options.overrides)
    sizes = [node[key] for key in ("height", "width", "load_height", "load_width")]
    resize = (Geometry(node["mode"], *sizes), Geometry(node["eval_mode"], *sizes)) if options.resize else None
    encoding = Encoding(
        arrays=options.reencode or options.resize,
        resize=resize,
        photo_format=options.photo_format,
        photo_quality=options.photo_quality,
        check=not options.no_check,
    )
    with counting_bar("writing pairs", TimeRemainingColumn()) as progress:
        summary = write_shards(
            layout,
            options.out,
            source=node["layout"],
            encoding=encoding,
            shard_mb=options.shard_mb,
            splits=tuple(split for split in SPLITS if split in (options.splits or SPLITS)),
            workers=options.workers,
            progress=progress,
        )
    Console().print(_table(summary.splits))
    print(f"{summary.out}: {summary.seconds:.0f} s. Train with: data=shards data.root={summary.out}")
    return 0


def _table(splits: Sequence[Any]) -> Any:
    from rich.table import Table

    table = Table("split")
    for title in ("pairs", "shards", "kept", "MB"):
        table.add_column(title, justify="right")
    for row in splits:
        name = f"{row.split} (= {row.same_as})" if row.same_as else row.split
        table.add_row(name, str(row.pairs), str(row.shards), str(row.kept), f"{row.size / 1e6:.1f}")
    return table
