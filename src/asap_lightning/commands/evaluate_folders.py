"""``asap evaluate folders``: measures a folder of pictures against another."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import Progress

from asap_lightning.commands.evaluate import device_of, finish
from asap_lightning.configuration.evaluation import make_suite, require_known
from asap_lightning.configuration.logged import logged_run
from asap_lightning.configuration.plain import plain
from asap_lightning.errors import UserError
from asap_lightning.evaluation.folders import (
    PictureFolder,
    Size,
    evaluate_folders,
    no_pairs,
    open_folder,
)
from asap_lightning.evaluation.together import together
from asap_lightning.inference.devices import choose_device
from asap_lightning.inference.parts import Part
from asap_lightning.metrics import METRICS, MetricSuite

NO_LABELS = "it compares with label maps, and two folders of pictures have none"


def run(config: DictConfig) -> None:
    """Evaluates ``config.fake`` against ``config.real``; writes figures and pictures into ``config.output``.

    Raises:
        UserError: folders that cannot be measured so; and, when the report is written, a metric that could
            not be computed.
    """
    require_known(config)
    with together() as part:
        run_part(config, part)


def run_part(config: DictConfig, part: Part) -> None:
    """Evaluates this process's pictures; the first of several processes writes for all."""
    size, batch = size_of(config.size), config.batch_size
    if not isinstance(batch, int) or batch < 1:
        raise UserError(f"batch_size={batch}: a whole number from 1 on was expected")
    for option in ("real", "fake"):
        if OmegaConf.is_missing(config, option):
            raise UserError(f"{option}=DIR is missing: asap evaluate folders real=PHOTOS fake=GENERATED")
    device = choose_device(device_of(config, part))
    fake, real = (open_folder(config[option], option, size) for option in ("fake", "real"))
    reason = no_pairs(fake, real)
    suite = make_suite(config, lacking={"label": NO_LABELS} | ({"pairs": reason} if reason else {}))
    require_measurable(suite, reason, allow_missing=config.evaluation.allow_missing)
    about = about_of(config, fake, real, size)
    with logged_run(config, "evaluate") as log_figures:
        console = Console(stderr=True)
        with Progress(console=console, disable=not console.is_terminal or part.index > 0) as progress:
            task = progress.add_task("evaluating", total=len(fake.files) + len(real.files))
            report = evaluate_folders(
                fake,
                real,
                suite,
                device=device,
                batch=batch,
                about=about,
                on_image=lambda: progress.advance(task),
            )
        log_figures({"images": len(report.rows), **report.scores})
    finish(report, config, part)


def size_of(given: Any) -> Size | None:
    """``size``: one number, or height and width.

    Raises:
        UserError: anything else.
    """
    if given is None:
        return None
    sides = [given, given] if isinstance(given, int) else list(given) if OmegaConf.is_list(given) else []
    if len(sides) != 2 or not all(type(side) is int and 1 <= side <= 16_384 for side in sides):
        raise UserError(f"size={given}: N or [HEIGHT,WIDTH] from 1 to 16384 was expected")
    return sides[0], sides[1]


def require_measurable(suite: MetricSuite, reason: str | None, *, allow_missing: bool) -> None:
    """A `UserError`, before anything is read, where pairs are asked for and there are none.

    Args:
        suite: what is asked for.
        reason: why there are no pairs.
        allow_missing: the others are enough, if there are others.
    """
    compared = [key for key in suite.names if METRICS[key].scope == "image"]
    if reason is None or not compared or (allow_missing and suite.available):
        return
    raise UserError(
        f"evaluation.metrics: {', '.join(compared)} compare pairs, but {reason}. Ask for metrics of sets "
        "(evaluation=custom evaluation.metrics=[fd_effnet]), or evaluation.allow_missing=true"
    )


def about_of(
    config: DictConfig, fake: PictureFolder, real: PictureFolder, size: Size | None
) -> dict[str, Any]:
    """What was measured, for the report."""
    sized = {} if size is None else {"height": size[0], "width": size[1]}
    return {
        "fake": str(fake.path),
        "real": str(real.path),
        "counts": {"fake": len(fake.files), "real": len(real.files)},
        "data": {
            "root": str(real.path),
            "layout": "a folder of pictures",
            "split": "all",
            "mode": "none" if size is None else "fixed",
            **sized,
            "pairs": 0 if no_pairs(fake, real) else len(real.files),
        },
        "evaluation": plain(config.evaluation),
    }
