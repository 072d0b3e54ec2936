import json

import numpy as np
import pytest
from PIL import Image

from asap_lightning.data.strips import open_strips
from asap_lightning.errors import UserError

RANDOM = np.random.default_rng(0)
IDS = RANDOM.integers(0, 9, (23, 17))


@pytest.mark.parametrize(
    ("array", "mode"),
    [
        (IDS.astype(np.uint8), "L"),
        (IDS.astype(np.uint16), "I;16"),
        (IDS.astype(np.int64), "I"),
        (RANDOM.random((23, 17)), "F"),
        (RANDOM.integers(0, 256, (23, 17, 3)).astype(np.uint8), "RGB"),
        (np.asfortranarray(IDS.astype(np.uint8)), "L"),
        (IDS.astype(np.uint8)[..., None], "L"),
    ],
)
@pytest.mark.parametrize("kind", ["npy", "zarr"])
def test_rows_of_an_array(tmp_path, array, mode, kind):
    path = tmp_path / f"a.{kind}"
    if kind == "npy":
        np.save(path, array)
    else:
        zarr = pytest.importorskip("zarr")
        zarr.create_array(str(path), data=np.ascontiguousarray(array), chunks=(8, 8, *array.shape[2:]))
    part = open_strips(path).read(5, 19)
    assert part.mode == mode
    expected = array[5:19].astype(np.float32) if mode == "F" else array[5:19]
    assert np.array_equal(np.asarray(part), expected.reshape(np.asarray(part).shape))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(5), "has the shape"),
        (np.zeros((5, 5, 2), np.uint8), "has the shape"),
        (np.full((5, 5), 1 << 40), "beyond 32 bits"),
        (np.zeros((5, 5, 3)), "uint8 was expected"),
    ],
)
def test_arrays_that_are_no_picture_are_refused(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=message):
        open_strips(tmp_path / "a.npy").read(0, 5)


def test_a_zarr_array_whose_chunks_would_run_a_pickle_is_refused(tmp_path):
    pytest.importorskip("zarr")
    folder = tmp_path / "a.zarr"
    folder.mkdir()
    described = {
        "zarr_format": 2,
        "shape": [4, 4],
        "chunks": [4, 4],
        "dtype": "|O",
        "fill_value": None,
        "order": "C",
        "compressor": None,
        "filters": [{"id": "pickle", "protocol": 5}],
    }
    (folder / ".zarray").write_text(json.dumps(described))
    with pytest.raises(UserError, match="packed by pickle"):
        open_strips(folder)


def test_a_group_or_another_description_is_refused(tmp_path):
    zarr = pytest.importorskip("zarr")
    zarr.create_group(str(tmp_path / "a.zarr"))
    with pytest.raises(UserError, match="is a zarr group"):
        open_strips(tmp_path / "a.zarr")
    (tmp_path / "a.zarr" / "zarr.json").write_text("{")
    with pytest.raises(UserError, match="its description is not JSON"):
        open_strips(tmp_path / "a.zarr")


def test_chunks_that_do_not_fit_into_memory_are_refused(tmp_path):
    zarr = pytest.importorskip("zarr")
    zarr.create_array(
        str(tmp_path / "a.zarr"), shape=(1 << 16, 1 << 16), chunks=(1 << 15, 1 << 15), dtype="u1"
    )
    with pytest.raises(UserError, match="chunks of 1,024 MiB"):
        open_strips(tmp_path / "a.zarr")


def test_other_pictures_are_decoded_whole(tmp_path):
    Image.fromarray(IDS.astype(np.uint8)).save(tmp_path / "a.bmp")
    assert np.array_equal(np.asarray(open_strips(tmp_path / "a.bmp").read(2, 5)), IDS[2:5])
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"b\.png is not an image"):
        open_strips(tmp_path / "b.png")
    with pytest.raises(UserError, match="there is no such file"):
        open_strips(tmp_path / "c.png")
