"""The written data set: layout, determinism, resuming, refusals."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.data.demo import DemoSummary, dataset, draw_facade, write_demo_dataset
from asap_lightning.data.demo.classes import CLASS_NAMES, PALETTE
from asap_lightning.errors import UserError
from waiting import wait_for


def write(root: Path, **values: int) -> DemoSummary:
    return write_demo_dataset(root, progress=False, **{"count": 2, "size": 32, "workers": 1, **values})


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_layout(tmp_path: Path) -> None:
    summary = write(tmp_path / "new" / "facades", count=2, size=64, seed=7)
    assert summary == DemoSummary(tmp_path / "new" / "facades", 2, 64, 7, drawn=2, reused=0)
    assert sorted(contents(summary.root)) == [
        "base/cmp_b0001.jpg", "base/cmp_b0001.png", "base/cmp_b0001.xml",
        "base/cmp_b0002.jpg", "base/cmp_b0002.png", "base/cmp_b0002.xml",
        "demo.json",
    ]  # fmt: skip
    assert json.loads((summary.root / "demo.json").read_text())["seed"] == 7


def test_files_hold_the_drawn_facade(tmp_path: Path) -> None:
    write(tmp_path, count=3, size=96, seed=2)
    for index in range(3):
        facade = draw_facade(2, index, 96)
        label = Image.open(tmp_path / f"base/cmp_b{index + 1:04d}.png")
        assert label.mode == "P" and label.size == (96, 96)
        np.testing.assert_array_equal(np.asarray(label), facade.label)
        colours = np.asarray(label.convert("RGB"))
        np.testing.assert_array_equal(colours, np.array(PALETTE, np.uint8)[facade.label])
        photo = Image.open(tmp_path / f"base/cmp_b{index + 1:04d}.jpg")
        assert photo.mode == "RGB" and photo.format == "JPEG"
        assert np.abs(np.asarray(photo).astype(int) - facade.photo).mean() < 3


def test_xml_is_in_the_format_of_the_database(tmp_path: Path) -> None:
    write(tmp_path, count=1, size=64)
    text = (tmp_path / "base/cmp_b0001.xml").read_text()
    objects = ElementTree.fromstring(f"<objects>{text}</objects>").findall("object")
    drawn = [(c, box) for c, box in draw_facade(0, 0, 64).objects if box.x1 > 0 and box.x0 < 1]
    assert len(objects) == len(drawn)
    for element, (class_id, box) in zip(objects, drawn, strict=True):
        assert int(element.findtext("label")) == class_id
        assert element.findtext("labelname") == CLASS_NAMES[class_id]
        # In the database x runs down the image and y to the right.
        rows = [float(x.text) for x in element.findall("points/x")]
        columns = [float(y.text) for y in element.findall("points/y")]
        assert 0 <= rows[0] < rows[1] <= 1 and 0 <= columns[0] < columns[1] <= 1
        np.testing.assert_allclose(rows, np.clip([box.y0, box.y1], 0, 1), atol=1e-6)
        np.testing.assert_allclose(columns, np.clip([box.x0, box.x1], 0, 1), atol=1e-6)


def test_processes_and_count_do_not_change_a_byte(tmp_path: Path) -> None:
    one = write(tmp_path / "one", count=5, seed=3, workers=1)
    two = write(tmp_path / "two", count=3, seed=3, workers=2)
    few, many = contents(two.root), contents(one.root)
    few.pop("demo.json")
    assert len(few) == 9
    assert all(many[name] == content for name, content in few.items())


def test_second_call_draws_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    times = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    monkeypatch.setattr(dataset, "_draw_one", lambda *_: pytest.fail("a facade was drawn again"))
    summary = write(tmp_path)
    assert (summary.drawn, summary.reused) == (0, 2)
    assert times == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}


def test_interrupted_call_is_resumed(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole", count=4)
    part = write(tmp_path / "part", count=4)
    (part.root / "base/cmp_b0002.png").unlink()
    for suffix in (".jpg", ".png", ".xml"):
        (part.root / f"base/cmp_b0004{suffix}").unlink()
    (part.root / "base/.cmp_b0004.jpg.abc123.tmp").write_bytes(b"half a photo")
    summary = write(part.root, count=4)
    assert (summary.drawn, summary.reused) == (2, 2)
    assert contents(whole.root) == contents(part.root)


def test_larger_count_adds(tmp_path: Path) -> None:
    write(tmp_path / "grown", count=1)
    assert write(tmp_path / "grown", count=3).drawn == 2
    assert contents(tmp_path / "grown") == contents(write(tmp_path / "whole", count=3).root)


@pytest.mark.parametrize("change", [{"seed": 1}, {"size": 48}, {"count": 1}])
def test_another_series_is_refused(tmp_path: Path, change: dict[str, int]) -> None:
    write(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(UserError, match="holds another data set already") as caught:
        write(tmp_path, **change)
    assert "seed=0 size=32 count=2" in str(caught.value)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["notes.txt", "base/cmp_b0001.jpg", "base/photo.jpg", "train/a.png"])
def test_folder_with_other_content_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match="holds other files already"):
        write(tmp_path)
    assert contents(tmp_path) == {name: b"mine"}


def test_file_instead_of_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(UserError, match="is a file, expected a folder"):
        write(tmp_path / "taken")


def test_broken_manifest_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "demo.json").write_text('{"seed": 0')
    with pytest.raises(UserError, match=r"demo\.json: not readable"):
        write(tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        {"count": 0},
        {"count": 10000},
        {"count": 2.5},
        {"size": 31},
        {"size": 4097},
        {"seed": -1},
        {"workers": -1},
    ],
)
def test_values_out_of_range(tmp_path: Path, values: dict[str, int]) -> None:
    key, value = next(iter(values.items()))
    with pytest.raises(UserError, match=f"{key}={value}: expected a whole number from"):
        write(tmp_path / "out", **values)
    assert not (tmp_path / "out").exists()


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = dataset._draw_one, []

    def fills_up(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(*arguments)

    monkeypatch.setattr(dataset, "_draw_one", fills_up)
    with pytest.raises(UserError, match=r"No space left on device.*goes on where it stopped"):
        write(tmp_path, count=3)
    monkeypatch.undo()
    assert write(tmp_path, count=3).reused == 1


def test_process_that_dies(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        "from asap_lightning.data.demo import write_demo_dataset\n"
        f"write_demo_dataset({str(tmp_path / 'out')!r}, count=4, size=32, workers=2, progress=False)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=180)
    assert done.returncode == 1
    assert "UserError" in done.stderr and "Use fewer workers" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_leaves_whole_files_and_no_processes(tmp_path: Path, workers: int) -> None:
    script = tmp_path / "draw.py"
    script.write_text(
        textwrap.dedent(f"""
        from asap_lightning.data.demo import write_demo_dataset
        if __name__ == "__main__":
            write_demo_dataset({str(tmp_path / "out")!r}, count=2000, size=96, workers={workers})
        """)
    )
    process = subprocess.Popen(
        [sys.executable, str(script)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for((tmp_path / "out/base/cmp_b0002.xml").exists, "the third facade is written")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=180)
    assert process.returncode != 0
    # `communicate` has come back, so no process of the pool holds the error stream any more.
    assert "KeyboardInterrupt" in errors
    files = contents(tmp_path / "out")
    assert not [name for name in files if name.endswith(".tmp")]
    assert len(files) < 3 * 2000
    for name in files:
        if name.endswith((".jpg", ".png")):
            Image.open(tmp_path / "out" / name).load()


def test_import_is_cheap() -> None:
    code = "import sys, asap_lightning.data.demo as d; d.write_demo_dataset; print(sorted(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("torch", "cv2", "albumentations", "rich"):
        assert f"'{heavy}'" not in modules, heavy
