import math

from asap_lightning.reports import read_run
from asap_lightning.reports.series import panels_of, series_of

from .conftest import MakeRun


def test_columns_share_a_panel_where_they_share_a_unit() -> None:
    columns = [
        "loss_g/l1",
        "speed/data_wait",
        "val/psnr",
        "loss_g/total",
        "lr/generator",
        "val/new",
        "own/x",
        "own/y",
    ]
    assert [(panel.section, panel.title, panel.columns) for panel in panels_of(columns)] == [
        ("Validation", "PSNR (dB)", ("val/psnr",)),
        ("Validation", "new", ("val/new",)),
        ("Losses", "Generator loss", ("loss_g/l1", "loss_g/total")),
        ("Training", "Share of the time waiting for data", ("speed/data_wait",)),
        ("Training", "Learning rate", ("lr/generator",)),
        ("Training", "own", ("own/x", "own/y")),
    ]


def test_what_is_not_finite_becomes_a_gap(make_run: MakeRun) -> None:
    values = {7: math.nan, 9: math.inf}
    run = read_run(make_run(columns={"loss_g/total": lambda step: values.get(step, 1.0)}))
    series = series_of(run, "loss_g/total")
    assert series.not_finite == [7, 9] and not series.thinned
    assert [step for step, value in zip(series.steps, series.values, strict=True) if value is None] == [7, 9]


def test_a_long_curve_keeps_its_extremes_and_ends(make_run: MakeRun) -> None:
    spikes = {13: 99.0, 41: -99.0, 50: math.nan}
    run = read_run(make_run(columns={"loss_g/total": lambda step: spikes.get(step, float(step))}))
    series = series_of(run, "loss_g/total", most=20)
    assert series.thinned and len(series.steps) <= 20
    kept = dict(zip(series.steps, series.values, strict=True))
    assert kept[13] == 99 and kept[41] == -99 and kept[1] == 1 and kept[60] == 60
    assert series.steps == sorted(series.steps) and series.not_finite == [50]
