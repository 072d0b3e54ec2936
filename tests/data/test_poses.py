"""Key points of a person and the planes that are drawn of them."""

import numpy as np
import pytest

from asap_lightning.data.poses import LIMBS, PLANES, POINTS, draw_pose, read_pose
from asap_lightning.errors import UserError


def write(folder, points, *persons):
    candidates, subset = folder / "a_candidate.txt", folder / "a_subset.txt"
    candidates.write_text("".join(f"{x} {y} 0.5 {i}\n" for i, (x, y) in enumerate(points)))
    subset.write_text("".join(" ".join(map(str, person)) + "\n" for person in persons))
    return candidates, subset


def person(*found):
    return [*found, *[-1] * (POINTS - len(found)), 3.2, len(found)]


def test_points_are_read_in_the_order_of_the_person(tmp_path):
    files = write(tmp_path, [(10, 20), (30, 40.5), (50, 60)], person(2, -1, 0), person(1, 2, 0, 0))
    points = read_pose(*files)
    assert points[:4].tolist() == [[30, 40.5], [50, 60], [10, 20], [10, 20]], "the person of more points"
    assert np.isnan(points[4:]).all()


@pytest.mark.parametrize(
    ("points", "row", "message"),
    [
        (
            [(1, 2)],
            person(1),
            r"a_subset.txt:1: point 0 is said to be number 1 of a_candidate.txt, which",
        ),
        ([(1, 2)], person(0.5), r"point 0 is said to be number 0.5"),
        ([(1, 2)], person(-2), r"point 0 is said to be number -2"),
        ([(1, 5000)], person(0), r"a_candidate.txt:1: the point 1 5000 lies far outside the 1024 x 1024"),
        ([(1, "x")], person(0), r"a_candidate.txt:1 is '1 x 0.5 0'; x y \.\. was expected"),
        ([(1, "nan")], person(0), r"a_candidate.txt:1 is '1 nan"),
        ([(1, 2)], [0] * 17, r"a_subset.txt:1 is .*; 18 numbers of lines, \.\. was expected"),
    ],
)
def test_bad_lines_are_named(tmp_path, points, row, message):
    with pytest.raises(UserError, match=message):
        read_pose(*write(tmp_path, points, row))


def test_bad_files_are_named(tmp_path):
    candidates, subset = write(tmp_path, [(1, 2)])
    with pytest.raises(UserError, match=r"a_subset.txt holds no person"):
        read_pose(candidates, subset)
    subset.unlink()
    with pytest.raises(UserError, match=r"a_subset.txt cannot be read \(No such file"):
        read_pose(candidates, subset)
    candidates.write_bytes(b"0 0\n" * 2**17)
    with pytest.raises(UserError, match=r"a_candidate.txt has more than 262144 bytes"):
        read_pose(candidates, subset)
    candidates.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"a_candidate.txt is not text"):
        read_pose(candidates, subset)


def test_planes_show_points_and_distances():
    points = np.full((POINTS, 2), np.nan)
    points[1], points[2] = (300, 512), (700, 512)  # neck and right shoulder: the first limb, lying
    planes = draw_pose(points, 1024)
    assert planes.shape == (1024, 1024, PLANES) and planes.dtype == np.uint8
    first, others = planes[..., 3], planes[..., 4:]
    assert (others == 255).all(), "limbs that were not found"
    assert first[512, 500] == 0 and first[512, 300] == 0, "inside"
    assert first[512 - 20 - 30, 500] == 10, "30 pixels above its edge, 3 a step"
    assert first[512 - 20 - 30, 700 + 30] > 10, "city blocks beside its end"
    assert first[0, 1023] == 255, "815 pixels and more"
    assert planes[500, 285, :3].tolist() == [0, 85, 255], "the neck's disc beside the limb"
    assert (planes[512, 500, :3] == np.rint([0, 0, 0.6 * 255])).all(), "the limb alone"
    assert planes[512, 305, :3].tolist() == [0, 34, 255], "0.4 of the disc below the limb"
    assert (planes[0, 0, :3] == 0).all()


def test_a_smaller_square_shows_the_same():
    points = np.random.default_rng(0).uniform(200, 800, (POINTS, 2))
    large, small = draw_pose(points, 1024), draw_pose(points, 256)
    reduced = large.reshape(256, 4, 256, 4, PLANES).mean((1, 3))
    assert np.abs(small[..., 3:] - reduced[..., 3:]).mean() < 1.5
    assert np.array_equal(draw_pose(points / 4, 256, side=256), small)
    assert len({tuple(large[..., 3 + limb].flat[:: 1024 * 8]) for limb in range(len(LIMBS))}) == len(LIMBS)
