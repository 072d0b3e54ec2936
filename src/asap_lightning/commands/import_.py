"""``asap import convert``, ``verify`` and ``export-official``: plain flags."""

from __future__ import annotations

import argparse
import glob
import re
from pathlib import Path

from asap_lightning.errors import UserError
from asap_lightning.wording import counted

SYSTEMS = ("asapnet", "spade", "pix2pixhd", "pix2pix", "singan", "ccfpse", "cocosnet")
_SETTING = re.compile(r"^[A-Za-z_]\w*=")
EPILOG = """\
examples:
  asap import convert latest_net_G.pth --system asapnet --out facades.ckpt
  asap import convert latest_net_G.pth --system spade --out coco.ckpt upsampling=normal label_nc=182
  asap import verify recordings/*.pt
  asap import export-official best.ckpt --out latest_net_G.pth
"""


def main(arguments: list[str]) -> int:
    """Runs a sub-command; 1 when a verification does not agree."""
    options = parsed(arguments)
    return int(options.action(options))


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The options; ``settings`` are the words ``name=value``, which argparse cannot take after options."""
    settings = [word for word in arguments if _SETTING.match(word) and not Path(word).exists()]
    options = parser().parse_args([word for word in arguments if word not in settings])
    options.settings = settings
    return options


def parser() -> argparse.ArgumentParser:
    """The parser of ``asap import``."""
    top = argparse.ArgumentParser(
        prog="asap import",
        description="Reads, checks and writes checkpoints of the original authors' programs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(required=True, metavar="convert|verify|export-official")
    convert = commands.add_parser(
        "convert",
        help="make one of our checkpoints from one of theirs",
        usage="asap import convert CHECKPOINT --system SYSTEM --out OUT [--options FILE] [--encoder FILE] "
        "[--discriminator FILE] [name=value ...]",
        epilog="name=value: an option of their program (upsampling=more, label_nc=35, instance_edges=true), "
        "which wins over the options file",
    )
    convert.add_argument("checkpoint", type=Path, help="their file: latest_net_G.pth; SinGAN: its folder")
    convert.add_argument("--system", required=True, choices=SYSTEMS, help="the program that wrote it")
    convert.add_argument(
        "--options", type=Path, metavar="FILE", help="opt.txt, opt.pkl or JSON (default: beside)"
    )
    convert.add_argument(
        "--encoder", type=Path, metavar="FILE", help="net_E.pth, or CoCosNet's net_Corr.pth (default: beside)"
    )
    convert.add_argument(
        "--discriminator",
        type=Path,
        metavar="FILE",
        help="net_D.pth, kept in the checkpoint too (default: none)",
    )
    convert.add_argument("--out", type=Path, required=True, help="the checkpoint to write")
    convert.set_defaults(action=run_convert)
    verify = commands.add_parser("verify", help="replay recordings of their programs and compare")
    verify.add_argument("recordings", nargs="+", help="RECORDING.pt, with RECORDING.json beside it")
    verify.add_argument("--summary", action="store_true", help="one line a recording")
    verify.set_defaults(action=run_verify)
    export = commands.add_parser("export-official", help="write ASAP-Net weights under its authors' names")
    export.add_argument("checkpoint", type=Path, help="one of our checkpoints")
    export.add_argument("--out", type=Path, required=True, help="the file to write")
    export.set_defaults(action=run_export)
    return top


def run_convert(options: argparse.Namespace) -> int:
    """Converts one checkpoint."""
    from asap_lightning.interop.options import parse_value

    settings = {
        name: parse_value(value) for name, _, value in (word.partition("=") for word in options.settings)
    }
    if options.system == "singan":
        if options.discriminator is not None:
            raise UserError("--discriminator: SinGAN's are no part of what is converted; leave it out")
        return _convert_singan(options)
    from asap_lightning.interop.convert import convert_generator, write_checkpoint

    conversion = convert_generator(
        options.checkpoint,
        options.system,
        options=options.options,
        settings=settings,
        encoder=options.encoder,
        discriminator=options.discriminator,
    )
    write_checkpoint(conversion, options.out, options.checkpoint, options.system)
    for note in conversion.notes:
        print(note)
    spec = conversion.description.spec
    print(f"condition: {spec}")
    for name, value in conversion.description.arguments.items():
        print(f"  {name} = {value}")
    print(f"wrote {options.out}")
    return 0


def _convert_singan(options: argparse.Namespace) -> int:
    from asap_lightning.interop.convert_singan import convert_singan

    print(convert_singan(options.checkpoint, options.out))
    return 0


def run_verify(options: argparse.Namespace) -> int:
    """Verifies recordings; 1 if any output disagrees or could not be compared."""
    from asap_lightning.interop.verify import summary, table, verify

    paths = [Path(found) for word in options.recordings for found in sorted(glob.glob(word)) or [word]]
    comparisons = [row for path in paths for row in verify(path)]
    print(summary(comparisons) if options.summary else table(comparisons))
    failed = sum(row.verdict != "agrees" for row in comparisons)
    print(f"{len(comparisons) - failed} of {len(comparisons)} outputs of {len(paths)} recordings agree")
    return int(failed > 0)


def run_export(options: argparse.Namespace) -> int:
    """Writes the authors' format."""
    from asap_lightning.interop.export_official import export_official

    count = export_official(options.checkpoint, options.out)
    print(f"wrote {counted(count, 'tensor')} under the authors' names to {options.out}")
    return 0
