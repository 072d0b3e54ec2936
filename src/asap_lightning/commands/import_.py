"""``asap import convert``, ``list``, ``verify`` and ``export-official``: plain flags."""

from __future__ import annotations

import argparse
import glob
import re
from pathlib import Path

from asap_lightning.commands.flags import Commands
from asap_lightning.errors import UserError
from asap_lightning.wording import counted

SYSTEMS = ("asapnet", "spade", "pix2pixhd", "pix2pix", "singan", "ccfpse", "cocosnet", "hdrnet", "crn")
_SETTING = re.compile(r"^[A-Za-z_]\w*=")


def main(arguments: list[str]) -> int:
    """Runs a sub-command; 1 when a verification does not agree."""
    options = parse(arguments)
    return int(options.action(options))


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options; settings are set apart first, since argparse takes no positionals behind options."""
    settings = [word for word in arguments if _SETTING.match(word) and not Path(word).exists()]
    options = parser().parse_args([word for word in arguments if word not in settings])
    options.settings = settings
    return options


def parser() -> argparse.ArgumentParser:
    """The parser of ``asap import``."""
    commands = Commands("asap import", "Read, check and write checkpoints of the original authors' programs.")
    convert = commands.add(
        "convert",
        "make a checkpoint for this program from one of theirs",
        "asap import convert latest_net_G.pth --system asapnet --out facades.ckpt",
        "asap import convert latest_net_G.pth --system spade --out coco.ckpt upsampling=normal label_nc=182",
        "asap import convert model.ckpt-100 --system hdrnet --out hdrnet.ckpt",
        notes="name=value: an option of their program (upsampling=more, label_nc=35, instance_edges=true),\n"
        "which wins over the options file",
        usage="asap import convert CHECKPOINT --system SYSTEM --out FILE [--options FILE]\n"
        "                           [--encoder FILE] [--discriminator FILE] [name=value ...]",
    )
    convert.add_argument(
        "checkpoint",
        type=Path,
        help="their file: latest_net_G.pth; SinGAN: its folder; HDRNet, CRN: model.ckpt-N or its folder",
    )
    convert.add_argument(
        "--system",
        required=True,
        choices=SYSTEMS,
        metavar="SYSTEM",
        help=f"the program that wrote it: {', '.join(SYSTEMS)}",
    )
    convert.add_argument(
        "--options",
        type=Path,
        metavar="FILE",
        help="its options: opt.txt, opt.pkl or JSON (default: beside the checkpoint)",
    )
    convert.add_argument(
        "--encoder",
        type=Path,
        metavar="FILE",
        help="net_E.pth, or CoCosNet's net_Corr.pth (default: beside the checkpoint)",
    )
    convert.add_argument(
        "--discriminator",
        type=Path,
        metavar="FILE",
        help="net_D.pth, which is kept in the checkpoint too (default: none)",
    )
    convert.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the checkpoint that is written"
    )
    convert.set_defaults(action=run_convert)
    names = commands.add(
        "list", "list names, shapes and types of what a checkpoint holds", "asap import list model.ckpt-100"
    )
    names.add_argument(
        "checkpoint", type=Path, help="a file of PyTorch; TensorFlow's model.ckpt-N or its folder"
    )
    names.set_defaults(action=run_list)
    verify = commands.add(
        "verify", "replay recordings of their programs and compare", "asap import verify recordings/*.pt"
    )
    verify.add_argument(
        "recordings", nargs="+", metavar="RECORDING", help="a file NAME.pt, with NAME.json beside it"
    )
    verify.add_argument("--summary", action="store_true", help="print one line for each recording")
    verify.set_defaults(action=run_verify)
    export = commands.add(
        "export-official",
        "write ASAP-Net's weights under its authors' names, for their program",
        "asap import export-official best.ckpt --out latest_net_G.pth",
    )
    export.add_argument("checkpoint", type=Path, help="a checkpoint of this program")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file that is written")
    export.set_defaults(action=run_export)
    return commands.parser


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


def run_list(options: argparse.Namespace) -> int:
    """Prints what a checkpoint holds."""
    from asap_lightning.interop.listing import listing

    print(listing(options.checkpoint))
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
