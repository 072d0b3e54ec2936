"""``asap video``: translates a video, a folder of frames or a camera."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import TaskProgressColumn
from rich.table import Table

from asap_lightning.commands.counting_bar import counting_bar
from asap_lightning.configuration.checkpoints import checkpoint_of
from asap_lightning.configuration.logged import logged_run
from asap_lightning.configuration.plain import plain
from asap_lightning.errors import UserError
from asap_lightning.inference.composer import compose_from
from asap_lightning.inference.folder import LabelOptions
from asap_lightning.inference.styles import parse_styles
from asap_lightning.inference.translator import Translator
from asap_lightning.video.options import VideoOptions
from asap_lightning.video.translate import VideoSummary, translate_video

TAKEN_OVER = ("smoothing", "cut", "frames", "fps", "codec", "crf", "audio", "damaged", "pattern")


def run(config: DictConfig) -> None:
    """Translates ``config.input`` into ``config.output``.

    Raises:
        UserError: whatever `translate_video` refuses.
    """
    settings = plain(config)
    given = {key: settings[key] for key in TAKEN_OVER}
    if config.overwrite not in (True, False):
        raise UserError(f"overwrite={config.overwrite}: true or false was expected")
    checkpoint = checkpoint_of(config)
    translator = Translator(checkpoint, device=config.device, weights=config.weights)
    compose_from(translator, settings)
    styles = parse_styles(settings["style"], translator)
    if styles.several:
        raise UserError(f"style.seed={styles.about['seed']}: one seed was expected, as a video has one style")
    options = VideoOptions(
        **given,
        labels=LabelOptions(**settings["labels"]),
        instances=Path(config.instances).expanduser() if config.instances else None,
        seed=styles.seeds[0],
        overwrite=config.overwrite,
    )
    with (
        logged_run(config, "video", checkpoint) as log_figures,
        counting_bar("translating", TaskProgressColumn(show_speed=True)) as report,
    ):
        summary = translate_video(
            translator,
            config.input,
            config.output,
            options,
            guide=styles.guide,
            guide_condition=styles.guide_condition,
            progress=report,
        )
        log_figures({"frames": summary.frames, "frames_per_second": summary.frames_per_second})
    Console().print(table(summary))
    if summary.damage:
        print(f"the video {summary.damage}; what could be decoded was translated (damaged=keep)")


def table(summary: VideoSummary) -> Table:
    """Throughput, which of the three was busy how much of the time, and how much the images flicker."""
    busy, seconds = summary.busy, summary.seconds or 1.0
    rows = {
        "frames": f"{summary.frames} of {summary.width} x {summary.height}",
        "frames/s": f"{summary.frames_per_second:.2f}",
        "busy reading": f"{busy.reading / seconds:.0%}",
        "busy translating": f"{busy.translating / seconds:.0%}",
        "busy writing": f"{busy.writing / seconds:.0%}",
        "flicker": f"{_figure(summary.flicker.all)} levels a frame",
        "flicker where still": f"{_figure(summary.flicker.still)} levels a frame",
    }
    if summary.scenes is not None:
        rows["scenes"] = str(summary.scenes)
    made = Table(title=str(summary.output), title_justify="left", show_header=False)
    for row in rows.items():
        made.add_row(*row)
    return made


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
