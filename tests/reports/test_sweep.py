from pathlib import Path

import pytest

from asap_lightning.metrics import METRICS, metric_named
from asap_lightning.reports import write_sweep_report
from asap_lightning.reports.sweep_jobs import SweepJob

from .pages import Page

COSTS = ["Parameters (millions)", "Latency (ms an image)"]
SETTINGS = [("auto", 4, 8), ("auto", 4, 64), ("auto", 8, 8), (2, 8, 64)]


def job(index: int, status: str = "finished", reason: str = "", **figures: float) -> SweepJob:
    settings = dict(
        zip(("generator.s1", "generator.s2", "generator.mlp_width"), SETTINGS[index], strict=True)
    )
    latency = figures.pop("latency_ms", None)
    return SweepJob(
        Path(f"sweep/job{index}"),
        settings,
        status,
        reason,
        40 if figures else 0,
        figures,
        parameters=1_000_000 * (index + 1) if figures else None,
        latency_ms=latency,
    )


JOBS = [
    job(0, psnr=20.0, fid=80.0, latency_ms=3.0),
    job(1, psnr=22.0, fid=70.0, latency_ms=9.0),
    job(2, "stopped", "stopped by SIGTERM", psnr=19.0, fid=75.0, latency_ms=4.0),
    job(3, "failed", "S2 must be a power of two, got 3 <here>"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    path = tmp_path_factory.mktemp("sweep") / "sweep.html"
    write_sweep_report(JOBS, METRICS["psnr"], path, "Sweep demo/now")
    return Page(path)


def test_latency_and_quality_with_the_front(page: Page) -> None:
    front, others = page.figures["PSNR against latency (higher is better)"]["data"]
    assert (front["x"], front["y"]) == ([3.0, 9.0], [20.0, 22.0])
    assert front["text"] == ["s1=auto, s2=4, mlp_width=8", "s1=auto, s2=4, mlp_width=64"]
    assert (others["x"], others["y"], others["text"]) == ([4.0], [19.0], ["s1=auto, s2=8, mlp_width=8"])
    front, others = page.figures["FID against latency (lower is better)"]["data"]
    assert front["y"] == [80.0, 75.0, 70.0] and others["y"] == []


def test_parallel_coordinates_through_settings_cost_and_quality(page: Page) -> None:
    figure = page.figures["Settings, cost, quality"]
    (trace,) = figure["data"]
    axes = {axis["label"]: axis for axis in trace["dimensions"]}
    assert list(axes) == ["s1", "s2", "mlp_width", *COSTS, "FID", "PSNR (dB)"]
    width = axes["mlp_width"]
    assert [width["ticktext"][place] for place in width["values"]] == ["8", "64", "8"]
    assert axes[COSTS[0]]["values"] == [1.0, 2.0, 3.0] and axes[COSTS[1]]["values"] == [3.0, 9.0, 4.0]
    assert axes["PSNR (dB)"]["values"] == [20.0, 22.0, 19.0]
    assert trace["line"]["color"] == [20.0, 22.0, 19.0] and not trace["line"].get("reversescale")
    assert figure["layout"]["meta"]["rows"] == ["job0", "job1", "job2"]


def test_every_job_has_a_row_and_the_unfinished_their_reason(page: Page) -> None:
    assert [row[-1] for row in page.tables["jobs"][1:]] == ["job0", "job1", "job2", "job3"]
    assert page.best == ["22", "70"]
    assert page.tables["unfinished"][1:] == [
        ["s1=auto, s2=8, mlp_width=8", "stopped", "40", "stopped by SIGTERM", "job2"],
        ["s1=2, s2=8, mlp_width=64", "failed", "0", "S2 must be a power of two, got 3 <here>", "job3"],
    ]


def test_without_latency_the_axis_is_left_out_and_without_quality_the_figures(tmp_path: Path) -> None:
    write_sweep_report([job(0, psnr=1.0), job(1, psnr=2.0)], METRICS["psnr"], tmp_path / "a.html", "a")
    (figure,) = Page(tmp_path / "a.html").figures.values()
    labels = [axis["label"] for axis in figure["data"][0]["dimensions"]]
    assert COSTS[1] not in labels and labels[-1] == "PSNR (dB)"
    write_sweep_report([job(3, "failed", "why")], METRICS["psnr"], tmp_path / "b.html", "b")
    page = Page(tmp_path / "b.html")
    assert page.figures == {} and page.tables["unfinished"][1][3] == "why"


def test_a_metric_without_a_direction_has_no_best_value_unless_it_is_chosen_with_one(tmp_path: Path) -> None:
    jobs = [job(0, psnr=1.0, beauty=5.0, latency_ms=1.0), job(1, psnr=2.0, beauty=7.0, latency_ms=2.0)]
    write_sweep_report(jobs, METRICS["psnr"], tmp_path / "a.html", "a")
    page = Page(tmp_path / "a.html")
    assert page.best == ["2"] and "beauty" in page.tables["jobs"][0]
    assert set(page.figures) == {"PSNR against latency (higher is better)", "Settings, cost, quality"}
    write_sweep_report(jobs, metric_named("beauty:min"), tmp_path / "b.html", "b")
    page = Page(tmp_path / "b.html")
    assert page.best == ["5", "2"] and "beauty against latency (lower is better)" in page.figures
