import math
from collections.abc import Sequence
from pathlib import Path

from asap_lightning.evaluation.cost.checkpoint import GeneratorCost
from asap_lightning.reports import compare, read_runs, write_comparison

from .conftest import MakeRun
from .pages import Page, curves


def comparison(folders: Sequence[Path], out: Path, costs: dict[str, GeneratorCost] | None = None) -> Page:
    write_comparison(compare(read_runs(folders), costs or {}), out)
    return Page(out)


def test_the_best_of_each_column_is_bold(make_run: MakeRun, tmp_path: Path) -> None:
    folders = [make_run("long"), make_run("short", steps=40, finished=False)]
    costs = {
        "long": GeneratorCost(2_000_000, 9.5, (8, 12), "cpu"),
        "short": GeneratorCost(500_000, 3.25, (8, 12), "cpu"),
    }
    page = comparison(folders, tmp_path / "page.html", costs)
    assert page.tables["result"] == [
        ["run", "status", "time in updates", "updates", "Parameters (millions)",
         "Training speed (images/s)", "Latency (ms an image)", "PSNR (dB)", "L1 (images in [0, 1])"],
        ["long", "finished at step 60", "12 s", "60", "2", "10", "9.5", "16", "0.19"],
        ["short", "not finished: step 40 of 60", "8 s", "40", "0.5", "10", "3.25", "14", "0.21"],
    ]  # fmt: skip
    assert page.best == ["10", "16", "0.19", "0.5", "10", "3.25"]
    assert "8 x 12 on cpu" in page.text


def test_curves_lie_over_each_other_and_metrics_may_differ(make_run: MakeRun, tmp_path: Path) -> None:
    gan = {"loss_g/total": float, "loss_d/total": lambda step: math.nan if step == 5 else 2.0}
    folders = [make_run("gan", columns=gan), make_run("plain", columns={"loss_g/total": float})]
    page = comparison(folders, tmp_path / "page.html")
    drawn = curves(page)
    assert {name for caption, name in drawn if caption == "Generator loss"} == {"gan", "plain"}
    assert {name for caption, name in drawn if caption == "Discriminator loss"} == {"gan"}
    assert (
        "gan: Not finite, and left out of the curves: loss_d/total (1 of 60, first at step 5)." in page.text
    )
    assert "unknown size and latency: gan, plain" in page.text
    colours = {
        trace["name"]: trace["line"]["color"] for figure in page.figures.values() for trace in figure["data"]
    }
    assert colours["gan"] != colours["plain"]


def test_what_differs_leaves_places_out(make_run: MakeRun, tmp_path: Path) -> None:
    other = {"generator": {"mlp_width": 32}, "name": "other", "logger": {"csv": {"save_dir": "/x"}}}
    page = comparison([make_run("a"), make_run("b", config=other)], tmp_path / "page.html")
    assert page.tables["differences"][1:] == [
        ["generator._target_", "asap_lightning.models.AsapGenerator", "–"],
        ["generator.mlp_width", "8", "32"],
    ]


def test_the_same_samples_stand_side_by_side(make_run: MakeRun, tmp_path: Path) -> None:
    folders = [make_run("a"), make_run("b", grids=(0, 20)), make_run("c", samples=7), make_run("d", grids=())]
    page = comparison(folders, tmp_path / "page.html")
    pictures = [rows for rows in page.tables.values() if rows[0][0] == "condition"]
    assert [rows[0] for rows in pictures] == [
        ["condition", "astep 60", "bstep 20", "photo"],
        ["condition", "cstep 60", "photo"],
    ]
    assert all(len(rows) == 4 for rows in pictures), "three samples"
    assert (
        "validated on other samples" in page.text and "Without sample grids that can be cut: d." in page.text
    )
    images = [address for address in page.addresses if address.startswith("data:image/webp")]
    assert len(images) == 3 * (4 + 3)


def test_exemplars_stand_beside_what_was_made_of_them(make_run: MakeRun, tmp_path: Path) -> None:
    lent = {"a": 7, "b": 7, "c": 8}
    folders = [make_run("plain"), *(make_run(name, exemplars=which) for name, which in lent.items())]
    page = comparison(folders, tmp_path / "page.html")
    (rows,) = (rows for rows in page.tables.values() if rows[0][0] == "condition")
    assert rows[0] == [
        *("condition", "plainstep 60"),
        *("exemplar", "astep 60", "bstep 60"),
        *("exemplar", "cstep 60", "photo"),
    ]
    assert len(rows) == 4
    images = [address for address in page.addresses if address.startswith("data:image/webp")]
    assert len(images) == 3 * 8 and len(set(images)) == 3 * (2 + 1 + 2), "all steps are 60: one image for all"


def test_a_metric_without_a_direction_has_no_best_value(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run(name, columns={"val/beauty": lambda step: float(step % 7)}) for name in ("a", "b")]
    page = comparison(runs, tmp_path / "page.html")
    assert [row[-1] for row in page.tables["result"]] == ["beauty", "4", "4"], "the last value"
    assert "Of beauty, which have no declared direction, they are the last." in page.text
    assert "4" not in page.best and ("beauty", "a") in curves(page)
