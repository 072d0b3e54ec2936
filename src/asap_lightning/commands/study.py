"""``asap study make|serve|links|report``: plain flags."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asap_lightning.commands.flags import Commands
from asap_lightning.commands.study_make_flags import add_make
from asap_lightning.errors import UserError
from asap_lightning.preference.protocol import FIT, PHOTO, PRESETS, REALISM, Protocol
from asap_lightning.run_folder.names import CHECKPOINTS
from asap_lightning.wording import counted

if TYPE_CHECKING:
    from asap_lightning.preference.study import Study


def main(arguments: list[str]) -> int:
    """Runs a sub-command."""
    options = parser().parse_args(arguments)
    return int(options.action(options))


def parser() -> argparse.ArgumentParser:
    """The parser of ``asap study``."""
    commands = Commands("asap study", "Ask people which of two pictures they prefer, in a browser.")
    add_make(commands).set_defaults(action=make_new_study)
    serve = commands.add(
        "serve",
        "serve the page and keep the answers; Ctrl-C ends it",
        "asap study serve STUDY",
        "asap study serve STUDY --host 0.0.0.0 --port 9000",
    )
    serve.add_argument("folder", type=Path, help="folder of the study")
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines in (default: %(default)s)",
    )
    serve.add_argument(
        "--port", type=int, default=8000, metavar="N", help="0 for any free one (default: %(default)s)"
    )
    serve.set_defaults(action=serve_study)
    links = commands.add(
        "links",
        "print links of sessions, one for each participant",
        "asap study links STUDY --count 20 --address https://example.org",
    )
    links.add_argument("folder", type=Path, help="folder of the study")
    links.add_argument(
        "--count", type=int, default=1, metavar="N", help="how many new sessions (default: %(default)s)"
    )
    links.add_argument(
        "--address",
        default="http://127.0.0.1:8000",
        metavar="URL",
        help="where the study is served (default: %(default)s)",
    )
    links.set_defaults(action=print_links)
    report = commands.add(
        "report",
        "rate the systems by the answers, with intervals: table, JSON, CSV, picture, page",
        "asap study report STUDY",
    )
    report.add_argument("folder", type=Path, help="folder of the study")
    report.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder that receives the files (default: report/ in the study)",
    )
    report.add_argument(
        "--pass",
        type=float,
        default=0.75,
        dest="pass_share",
        metavar="SHARE",
        help="a participant counts who answers at least this share of the obvious questions rightly, 0 to 1 "
        "(default: %(default)s)",
    )
    report.set_defaults(action=report_study)
    return commands.parser


def make_new_study(options: argparse.Namespace) -> int:
    """Copies the pictures; says what to do next."""
    from asap_lightning.preference.make import Sources, chosen_names, make_study, matched_files, require_apart

    if options.label_maps and options.conditions is None:
        raise UserError("--label-maps is about the files of --conditions, which is missing")
    if not 1 <= options.participants <= 10**6:
        raise UserError(f"--participants {options.participants}: a number from 1 to 1000000 was expected")
    sources = Sources(named_folders(options.systems), options.real, options.conditions, options.label_maps)
    require_apart(sources, options.out)
    count = len(chosen_names(list(matched_files(sources)), options.items, options.seed))
    protocol = chosen_protocol(options, count, len(sources.systems))
    study = make_study(
        sources,
        options.out,
        protocol,
        title=options.title,
        most_items=options.items,
        participants=options.participants,
        seed=options.seed,
        progress=_with_bar,
    )
    print(told(study))
    paper = PRESETS.get(options.preset, {}).get("trials", 0)
    if options.trials is None and protocol.trials < paper:
        print(f"note: {paper} questions a session, as in the paper, need more pictures")
    print(f"study    {options.out}\nserve    asap study serve {options.out}")
    return 0


def named_folders(words: Sequence[str]) -> dict[str, Path]:
    """Name -> folder of ``NAME=FOLDER``, or ``FOLDER`` under its own name.

    Raises:
        UserError: a name twice.
    """
    folders: dict[str, Path] = {}
    for word in words:
        name, equals, place = word.partition("=")
        folder = Path(word) if not equals or "/" in name or Path(word).exists() else Path(place)
        name = folder.resolve().name if folder == Path(word) else name
        if not name or name in folders:
            raise UserError(
                f"{word}: the name {name!r} is {'taken' if name else 'empty'}; give one: NAME={folder}"
            )
        require_pictures(word, folder)
        folders[name] = folder
    return folders


def require_pictures(word: str, place: Path) -> None:
    """A `UserError` for a checkpoint or a run: people compare pictures, which are to be made first."""
    if place.suffix == ".ckpt" or (place / CHECKPOINTS).is_dir():
        kind = "checkpoint" if place.suffix == ".ckpt" else "run of a training"
        raise UserError(
            f"{word} is a {kind}, and a study shows folders of pictures, of all systems from the same "
            f"inputs; make them first: asap predict ckpt={place} input=LABELS output=DIR, then name DIR here"
        )


def chosen_protocol(options: argparse.Namespace, items: int, systems: int) -> Protocol:
    """The preset with what was typed; without a number of trials at most as many as there are questions.

    Raises:
        UserError: what does not fit together.
    """
    preset: dict[str, Any] = dict(PRESETS[options.preset]) if options.preset else {}
    if options.preset == "pix2pix" and options.real is None:
        raise UserError("--preset pix2pix shows results beside real photos: add --real FOLDER")
    if options.preset == "spade" and options.conditions is None:
        raise UserError("--preset spade shows the input above two results: add --conditions FOLDER")
    names = ("question", "trials", "practice", "vigilance", "seconds", "one_system", "unpaired")
    typed = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if typed.get("unpaired") and (options.real is None or options.conditions is not None):
        raise UserError(
            "--unpaired shows photos of other inputs: it goes with --real, and not with --conditions"
        )
    question = PHOTO if options.real is not None else FIT if options.conditions is not None else REALISM
    settings = {"question": question, **preset, **typed}
    if "trials" not in typed:
        asked = Protocol(**settings)
        comparisons = systems if options.real is not None else systems * (systems - 1) // 2
        there = items * (1 if asked.one_system else comparisons)
        practice = asked.practice if options.real is not None else 0
        settings["trials"] = max(1, min(asked.trials, there - practice))
        if "vigilance" not in typed:
            settings["vigilance"] = min(asked.vigilance, settings["trials"])
    return Protocol(**settings)


def told(study: Study) -> str:
    """What a session is, as a sentence."""
    protocol = study.protocol
    parts = [counted(protocol.trials, "question")]
    if protocol.practice:
        parts.append(f"{protocol.practice} for practice")
    if protocol.vigilance:
        parts.append(f"{protocol.vigilance} with an obvious answer")
    seen = (
        f"pictures are seen for {protocol.seconds:g} s"
        if protocol.seconds
        else "pictures stay as long as one looks"
    )
    questions = len(study.items) * len(study.comparisons)
    return (
        f"{counted(len(study.items), 'input')}, {' against '.join(study.systems)}: "
        f"{counted(questions, 'question')} in all\na session: {', '.join(parts)}; {seen}\n"
        f"asked: {protocol.question}"
    )


def _with_bar(names: Sequence[str]) -> Iterable[str]:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(names, "copying pictures", console=console, disable=not console.is_terminal)


def serve_study(options: argparse.Namespace) -> int:
    """Serves until Ctrl-C."""
    from asap_lightning.preference.serve import serve

    serve(options.folder, options.host, options.port, say=lambda line: print(line, flush=True))
    return 0


def print_links(options: argparse.Namespace) -> int:
    """Makes sessions and prints their links."""
    from asap_lightning.preference.answers import Answers, StudyIsFull
    from asap_lightning.preference.study import ANSWERS, read_study

    study = read_study(options.folder)
    if options.count < 1:
        raise UserError(f"--count {options.count}: a number from 1 on was expected")
    with Answers(options.folder / ANSWERS, study) as answers:
        try:
            for _ in range(options.count):
                print(f"{options.address.rstrip('/')}/p/{answers.join().token}/")
        except StudyIsFull as error:
            raise UserError(
                f"{options.folder}: all {study.participants} sessions are given away "
                "(asap study make --participants)"
            ) from error
    return 0


def report_study(options: argparse.Namespace) -> int:
    """Prints the table and writes the files."""
    from rich.console import Console

    from asap_lightning.preference.answers import Answers
    from asap_lightning.preference.report import notes, results_table, write_report
    from asap_lightning.preference.results import find_results
    from asap_lightning.preference.study import ANSWERS, read_study

    study = read_study(options.folder)
    path = options.folder / ANSWERS
    if not path.is_file():
        raise UserError(f"{path} is missing: nobody has been asked yet, or the file was moved")
    with Answers(path, study) as answers:
        results = find_results(study, answers, options.pass_share)
        written = write_report(results, answers, options.folder, options.out or options.folder / "report")
    console = Console()
    console.print(results_table(results))
    for line in (*notes(results), *(f"{name:<8} {where}" for name, where in written.items())):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    return 0
