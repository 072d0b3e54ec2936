import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer

from asap_lightning.run_folder.history import MetricHistory
from asap_lightning.training.callbacks import MetricsCsv, Throughput
from asap_lightning.training.checkpoint_writer import CheckpointWriter

Fit = Callable[..., Trainer]


def test_one_row_a_logging_step_with_losses_and_metrics(fit: Fit, tmp_path: Path) -> None:
    fit(Throughput(), MetricsCsv(), max_steps=9)
    history = MetricHistory(tmp_path / "metrics.csv")
    assert list(history.rows) == [2, 4, 6, 8, 9]
    assert history.series("loss_g/total")[0] == [2, 4, 6, 8, 9]
    assert history.series("val/psnr")[0] == [4, 8]
    assert history.series("epoch")[1] == [0, 1, 1, 2, 2]
    losses = history.series("loss_g/l1")[1]
    assert losses[0] > losses[-1] > 0
    assert all(value > 0 for value in history.series("speed/images_per_second")[1])
    assert all(0 <= value < 1 for value in history.series("speed/data_wait")[1])
    assert "step" not in history.columns[1:]


def test_a_validation_before_the_training_is_the_first_row(
    make_trainer: Fit, tiny_module: Any, loaders: Any, tmp_path: Path
) -> None:
    trainer = make_trainer(MetricsCsv(), max_steps=4)
    trainer.validate(tiny_module, loaders[1], verbose=False)
    assert not (tmp_path / "metrics.csv").exists()
    trainer.fit(tiny_module, *loaders)
    steps, psnr = MetricHistory(tmp_path / "metrics.csv").series("val/psnr")
    assert steps == [0, 4] and psnr[1] > psnr[0]


def test_a_resume_leaves_no_gap_and_no_double_row(fit: Fit, tiny_module: Any, tmp_path: Path) -> None:
    files = {"enable_checkpointing": True, "max_steps": 9}
    fit(MetricsCsv(), CheckpointWriter(tmp_path / "ckpt", keep_every_n_steps=6), **files)
    before = MetricHistory(tmp_path / "metrics.csv").rows
    assert list(before) == [2, 4, 6, 8, 9]
    again = CheckpointWriter(tmp_path / "again", keep_every_n_steps=6)
    resumed = tmp_path / "ckpt" / "step_00000006.ckpt"
    fit(MetricsCsv(), again, **(files | {"max_steps": 12}), ckpt_path=resumed)
    after = MetricHistory(tmp_path / "metrics.csv").rows
    assert list(after) == [2, 4, 6, 8, 10, 12]
    assert [after[s] for s in (2, 4, 6)] == [before[s] for s in (2, 4, 6)]
    assert after[8]["loss_g/l1"] == before[8]["loss_g/l1"]  # made again, and the same
    assert not list(tmp_path.glob("metrics_earlier*"))


def test_a_new_run_moves_an_earlier_file_aside(fit: Fit, tmp_path: Path) -> None:
    fit(MetricsCsv(), max_steps=4)
    earlier = (tmp_path / "metrics.csv").read_text()
    fit(MetricsCsv(), max_steps=2)
    assert (tmp_path / "metrics_earlier_1.csv").read_text() == earlier
    assert list(MetricHistory(tmp_path / "metrics.csv").rows) == [2]
    fit(MetricsCsv(), max_steps=2)
    assert (tmp_path / "metrics_earlier_1.csv").read_text() == earlier
    assert list(MetricHistory(tmp_path / "metrics_earlier_2.csv").rows) == [2]


BEFORE_THE_KILL = 50
WRITER = """
import sys
from pathlib import Path
from asap_lightning.run_folder.history import MetricHistory
history = MetricHistory(Path(sys.argv[1]))
step = 0
while True:
    step += 1
    history.add(step, {"loss": step / 7})
    if step % 3 == 0:
        history.add(step, {"val": float(step)})
    print(step, flush=True)
"""


def test_kill_9_loses_no_row(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    command = [sys.executable, "-c", WRITER, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(BEFORE_THE_KILL):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    said = process.stdout.read().split()
    process.stdout.close()
    process.wait()
    reported = int(said[-1]) if said and said[-1].isdigit() else BEFORE_THE_KILL
    rows = MetricHistory(path).rows
    assert list(rows) == list(range(1, len(rows) + 1)) and len(rows) >= reported
    assert all(rows[step]["loss"] == step / 7 for step in rows)
    assert all(rows[step]["val"] == step for step in range(3, reported + 1, 3))
