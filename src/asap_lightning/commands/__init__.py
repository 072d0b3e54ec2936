"""The commands of ``asap``: one module a command, listed in one table.

This module is imported for ``asap --help``, so it names the others and imports none of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One command and the module in this package that does it, imported when the command is called.

    A Hydra application's module has ``run(config)``, and is imported only once a configuration has been
    composed; a command with plain flags has ``main(arguments: list[str]) -> int``.

    Attributes:
        name: what is typed after ``asap``.
        module: name of the module.
        help: one line for ``asap --help``, in the imperative.
        config: name of the root file in ``conf/`` of a Hydra application; None means plain flags.
        choices: what may follow the name of a command with plain flags.
        subcommands: commands that are called as ``NAME SUBCOMMAND ..``.
        listed: key of the configuration that takes the words which are no overrides, as a list.
        each: key that may hold a list, ``image=[A,B]``: each of its items is a run of its own.
    """

    name: str
    module: str
    help: str
    config: str | None = None
    choices: tuple[str, ...] = ()
    subcommands: tuple[Command, ...] = ()
    listed: str | None = None
    each: str | None = None

    def subcommand(self, arguments: list[str]) -> Command | None:
        """The subcommand that the first argument names, or None."""
        return next((sub for sub in self.subcommands if arguments[:1] == [sub.name]), None)


COMMANDS = (
    Command("train", "train", "train a generator, and its discriminator, or resume", config="train"),
    Command(
        "evaluate",
        "evaluate",
        "measure a checkpoint or a folder of pictures; compare models",
        config="evaluate",
        subcommands=(
            Command(
                "folders",
                "evaluate_folders",
                "measure one folder of pictures against another; any program may have written them",
                config="evaluate_folders",
            ),
            Command(
                "compare",
                "evaluate_compare",
                "put several models into one table, with intervals, costs and pictures",
                config="evaluate_compare",
                listed="models",
            ),
        ),
    ),
    Command(
        "predict",
        "predict",
        "translate a folder, a list or shards of label maps, pictures or depth maps",
        config="predict",
    ),
    Command("video", "video", "translate a video, a folder of frames or a camera", config="video"),
    Command("serve", "serve", "serve a painter in the browser, and translation over HTTP", config="serve"),
    Command(
        "export",
        "export",
        "write a model as ONNX, TorchScript, AOTInductor, a web page, or to share",
        config="export",
    ),
    Command(
        "import",
        "import_",
        "take over checkpoints of the original authors' programs: convert, list, verify",
        choices=("convert", "list", "verify", "export-official"),
    ),
    Command(
        "data",
        "data",
        "make the demo data; check data sets; find their colours; write shards or segments",
        choices=("demo", "check", "palette", "shard", "segments"),
    ),
    Command(
        "benchmark",
        "benchmark",
        "time the fast paths on this machine, in turns with the authors' algorithm",
        choices=("inference", "training", "data", "ops"),
    ),
    Command(
        "report",
        "report",
        "show a run, a sweep or several runs as an HTML file; fill a paper's tables",
        choices=("training", "sweep", "compare", "paper"),
    ),
    Command(
        "study",
        "study",
        "ask people which of two pictures they prefer, in a browser",
        choices=("make", "serve", "links", "report"),
    ),
    Command(
        "singan",
        "singan",
        "learn from one image; sample, enlarge, animate, harmonize, edit, paint",
        choices=("train", "sample", "super-resolve", "animate", "harmonize", "edit", "paint"),
        subcommands=(
            Command(
                "train",
                "singan_train",
                "learn from one image, or resume",
                config="singan_train",
                each="image",
            ),
            Command(
                "sample",
                "singan_sample",
                "draw random samples of any size, with figures",
                config="singan_sample",
            ),
            Command(
                "super-resolve",
                "singan_super_resolve",
                "enlarge the training image",
                config="singan_super_resolve",
            ),
            Command(
                "animate",
                "singan_animate",
                "make the training image move, as GIF and MP4",
                config="singan_animate",
            ),
            Command(
                "harmonize",
                "singan_paste",
                "give something pasted the look of the training image",
                config="singan_harmonize",
            ),
            Command(
                "edit",
                "singan_paste",
                "blend in parts that were moved, copied or removed",
                config="singan_edit",
            ),
            Command(
                "paint",
                "singan_paint",
                "turn a painting into a picture like the training image",
                config="singan_paint",
            ),
        ),
    ),
    Command(
        "tracking",
        "tracking",
        "upload W&B runs that were logged offline; build W&B dashboards",
        choices=("sync", "dashboard"),
    ),
    Command("doctor", "doctor", "say what is installed here, and what each missing thing would bring"),
    Command(
        "completion",
        "completion",
        "print the script that completes commands at Tab, for bash, zsh or fish",
        choices=("bash", "zsh", "fish"),
    ),
)


def by_name(name: str) -> Command | None:
    """The command of this name, or None."""
    return next((command for command in COMMANDS if command.name == name), None)
