import csv
import math
from pathlib import Path

import pytest

from asap_lightning.errors import UserError
from asap_lightning.reports import read_run, write_training_report

from .conftest import MakeRun
from .pages import Page, curves


def report(folder: Path, **options: int) -> Page:
    write_training_report(read_run(folder), folder / "report.html", **options)
    return Page(folder / "report.html")


def test_the_curves_are_those_of_metrics_csv(make_run: MakeRun) -> None:
    folder = make_run()
    page = report(folder)
    with open(folder / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))

    def column(name: str) -> list[tuple[int, float]]:
        return [(int(row["step"]), float(row[name])) for row in rows if row[name]]

    assert curves(page) == {
        ("PSNR (dB)", "psnr"): column("val/psnr"),
        ("L1 (images in [0, 1])", "l1"): column("val/l1"),
        ("Generator loss", "total"): column("loss_g/total"),
        ("Generator loss", "l1"): column("loss_g/l1"),
        ("Training speed (images/s)", "images_per_second"): column("speed/images_per_second"),
    }
    smooth = {caption: figure["data"][0]["meta"]["smooth"] for caption, figure in page.figures.items()}
    assert smooth["Generator loss"] and not smooth["PSNR (dB)"], "four validations need no smoothing"
    assert page.figures["PSNR (dB)"]["layout"]["xaxis"]["title"]["text"] == "generator updates"


def test_table_configuration_and_files(make_run: MakeRun) -> None:
    page = report(make_run())
    assert page.tables["metrics"][1:] == [
        ["PSNR (dB)", "10 @ 0", "16 @ 60", "16 @ 60"],
        ["L1 (images in [0, 1])", "0.25 @ 0", "0.19 @ 60", "0.19 @ 60"],
    ]
    assert "asap train experiment=demo name=<b>&co" in page.text, "what was typed is text, not HTML"
    assert "mlp_width: 8" in page.text and "finished at step 60" in page.text
    links = [address for address in page.addresses if not address.startswith(("data:", "#"))]
    assert links == ["samples", "metrics.csv", "config.yaml"]


def test_nothing_is_loaded_from_elsewhere(make_run: MakeRun) -> None:
    folder = make_run()
    page = report(folder)
    assert not [address for address in page.addresses if "://" in address or address.startswith("//")]
    assert "plotly.js v" in (folder / "report.html").read_text(encoding="utf-8")


def test_samples_over_time_and_fewer_of_them(make_run: MakeRun) -> None:
    folder = make_run(grids=(0, 10, 20, 30, 40))
    pictures = [address for address in report(folder).addresses if address.startswith("data:image/webp")]
    assert len(pictures) == 5 == len(set(pictures))
    page = report(folder, pictures=3)
    assert "3 of 5 grids" in page.text and "step 40" in page.text
    few = [address for address in page.addresses if address.startswith("data:image/webp")]
    assert few == [pictures[0], pictures[2], pictures[4]]
    assert not [a for a in report(folder, pictures=0).addresses if a.startswith("data:image/webp")]


def test_what_is_not_finite_is_said(make_run: MakeRun) -> None:
    page = report(make_run(columns={"loss_g/total": lambda step: math.nan if step > 50 else 1.0}))
    assert "loss_g/total (10 of 60, first at step 51)" in page.text
    assert curves(page)[("Generator loss", "total")][-1] == (60, None)


def test_a_run_before_its_first_validation(make_run: MakeRun) -> None:
    folder = make_run(grids=(), finished=False)
    (folder / "metrics.csv").write_text("step,loss_g/total\n1,2.5\n")
    page = report(folder)
    assert "Nothing was validated yet." in page.text and "not finished: step 1 of 60" in page.text
    assert curves(page) == {("Generator loss", "total"): [(1, 2.5)]}


def test_a_text_cannot_end_the_script(make_run: MakeRun) -> None:
    page = report(make_run(columns={"loss_g/</script><b>": float}))
    assert ("Generator loss", "</script><b>") in curves(page)


def test_a_broken_picture_is_named(make_run: MakeRun) -> None:
    folder = make_run()
    (folder / "samples" / "step_00000030.png").write_bytes(b"\x89PNG half of it")
    with pytest.raises(UserError, match=r"step_00000030\.png is not a whole picture"):
        report(folder)


def test_without_plotly_it_says_what_to_install(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(UserError, match=r"pip install 'asap-lightning\[reports\]'"):
        report(make_run())
