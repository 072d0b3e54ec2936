from pathlib import Path

import pytest

from asap_lightning.run_folder.history import MetricHistory


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_rows_columns_and_numbers(tmp_path: Path) -> None:
    history = MetricHistory(tmp_path / "run" / "metrics.csv")
    history.add(1, {"loss": 0.1})
    history.add(2, {"loss": 2.0, "val": float("nan")})
    history.add(3, {"val": 1e-20})
    assert lines(history.path) == ["step,loss,val", "1,0.1,", "2,2,nan", "3,,1e-20"]
    assert history.series("loss") == ([1, 2], [0.1, 2.0])
    assert history.last_step == 3


def test_a_second_call_completes_the_row_in_place(tmp_path: Path) -> None:
    history = MetricHistory(tmp_path / "metrics.csv")
    history.add(1, {"loss": 1.0, "val": 9.0})
    history.add(2, {"loss": 0.123456789})
    history.add(2, {"val": 8.0})
    history.add(2, {"loss": 7.0})  # shorter than what stood there
    history.add(3, {"loss": 3.0})
    assert lines(history.path) == ["step,loss,val", "1,1,9", "2,7,8", "3,3,"]


def test_reading_back_and_going_on(tmp_path: Path) -> None:
    first = MetricHistory(tmp_path / "metrics.csv")
    for step in range(4):
        first.add(step, {"loss": step / 3, "a,b": 1.5})
    second = MetricHistory(first.path)
    assert second.rows == first.rows and second.columns == ["step", "loss", "a,b"]
    second.add(3, {"loss": 7.0})
    second.add(4, {"loss": 8.0})
    assert lines(first.path)[-2:] == ["3,7,1.5", "4,8,"]


@pytest.mark.parametrize("torn", ["3,0.", "3", "3,0.5,0.", "\x00\x00"])
def test_a_torn_last_line_is_dropped(tmp_path: Path, torn: str) -> None:
    history = MetricHistory(tmp_path / "metrics.csv")
    history.add(1, {"loss": 1.0, "val": 2.0})
    with history.path.open("a") as file:
        file.write(torn)
    again = MetricHistory(history.path)
    assert again.rows == {1: {"loss": 1.0, "val": 2.0}}
    again.add(2, {"loss": 4.0})
    assert lines(history.path) == ["step,loss,val", "1,1,2", "2,4,"]


def test_a_reader_leaves_the_file_of_a_running_training_alone(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss\n1,0.5\n2,0.2")  # the second row is just being written
    reader = MetricHistory(path, read_only=True)
    assert reader.rows == {1: {"loss": 0.5}}
    assert path.read_text() == "step,loss\n1,0.5\n2,0.2"


def test_cut_after_a_step(tmp_path: Path) -> None:
    history = MetricHistory(tmp_path / "metrics.csv")
    for step in (10, 20, 30):
        history.add(step, {"loss": 1.0})
    assert history.cut_after(15) == 2
    assert history.cut_after(15) == 0
    assert lines(history.path) == ["step,loss", "10,1"]
    history.add(20, {"loss": 5.0})
    assert lines(history.path)[-1] == "20,5"


def test_time_does_not_run_backwards(tmp_path: Path) -> None:
    history = MetricHistory(tmp_path / "metrics.csv")
    history.add(5, {"loss": 1.0})
    with pytest.raises(ValueError, match="step 4 comes after step 5"):
        history.add(4, {"loss": 1.0})


def test_a_file_of_another_kind_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,loss\n1,2\n")
    assert MetricHistory(path).rows == {}
