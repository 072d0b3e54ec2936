"""Builds the documentation as a static site; no network is needed.

    make site                   # into build/site, the notebooks executed (once: results are kept)
    make site NOTEBOOKS=off     # with the notebooks' stored outputs: a minute
    python scripts/site/build.py --output FOLDER --notebooks off

Pages are `docs/`, `notebooks/` and the root's own, as they are, and one of every public module, made from its
docstrings. Warnings are errors. Afterwards every link inside the site is followed; the report lists those
that lead out of it, which are not fetched.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "src")]

from links import check_site  # noqa: E402 - found by the line above
from pages import lay_out  # noqa: E402


def main() -> int:
    """0 if nothing was wrong; 1 after warnings or broken links."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=ROOT / "build/site", help="the site's folder")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build/site-work", help="pages as laid out, kept parses, outputs"
    )
    parser.add_argument("--notebooks", choices=("on", "off"), default="on", help="off: not executed")
    options = parser.parse_args()
    started = time.monotonic()
    if not clear(options.output):
        print(
            f"--output {options.output}: holds other files than a site; name an empty folder", file=sys.stderr
        )
        return 2
    source = options.work / "source"
    lay_out(ROOT, source)
    code = run_sphinx(source, options)
    if code:
        return code
    report = check_site(options.output)
    written = options.work / "links.txt"
    written.write_text(report.text(), encoding="utf-8")
    print(report.summary())
    size = sum(path.stat().st_size for path in options.output.rglob("*") if path.is_file())
    print(
        f"{options.output}/index.html: {report.pages} pages, {size / 2**20:.1f} MiB, "
        f"{time.monotonic() - started:.0f} s; links: {written}"
    )
    return 1 if report.wrong else 0


def clear(folder: Path) -> bool:
    """Removes an older site, so that no page stays whose source has gone; False if it is something else."""
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / ".buildinfo").is_file():
            return False
        shutil.rmtree(folder)
    return True


def quiet_kernels(folder: Path) -> None:
    """The notebooks' kernels take no one's own profile, and say nothing of how they talk to this process."""
    profile = folder / "profile_default/ipython_kernel_config.py"
    profile.parent.mkdir(parents=True, exist_ok=True)
    profile.write_text('c.IPKernelApp.log_level = "ERROR"\n', encoding="utf-8")
    os.environ["IPYTHONDIR"] = str(folder.resolve())


def run_sphinx(source: Path, options: argparse.Namespace) -> int:
    """Sphinx with warnings as errors, in this process, which has imported what it documents already."""
    from sphinx.cmd.build import build_main

    quiet_kernels(options.work / "ipython")
    os.environ |= {
        "ASAP_SITE_SCRIPTS": str(HERE),
        "ASAP_SITE_NOTEBOOKS": "cache" if options.notebooks == "on" else "off",
        "ASAP_SITE_CACHE": str((options.work / "notebooks").resolve()),
    }
    # -a: every page holds the navigation, so a new page changes all of them.
    kept = options.work / "doctrees/environment.pickle"
    stale = kept.is_file() and (HERE / "house.py").stat().st_mtime > kept.stat().st_mtime
    words = [
        *(["-E"] if stale else []),
        "-b",
        "html",
        "-q",
        "-a",
        "-W",
        "--keep-going",
        "-c",
        HERE,
        "-d",
        options.work / "doctrees",
    ]
    return build_main([*map(str, words), str(source), str(options.output)])


if __name__ == "__main__":
    sys.exit(main())
