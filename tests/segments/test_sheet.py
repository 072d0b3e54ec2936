"""Sheets show every class that has segments, and every pair that was asked for."""

from __future__ import annotations

import numpy as np

from asap_lightning.data.panels import untile
from asap_lightning.data.sample import Sample
from asap_lightning.segments import Bank, Canvases, CanvasOptions
from asap_lightning.segments.sheet import CELL, GAP, TEXT, class_sheet, retrieval_sheet
from banks import FRAME, draw_label, draw_photo


def test_a_row_for_each_class_from_small_to_large(bank: Bank) -> None:
    sheet = class_sheet(bank, columns=4)
    classes = sum(len(bank.of_class(one)) > 0 for one in range(4))
    assert classes == 3 and sheet.shape == (3 * (CELL + GAP) + GAP, TEXT + 4 * (CELL + GAP) + GAP, 3)
    for row in range(3):
        y = GAP + row * (CELL + GAP)
        cells = [sheet[y : y + CELL, TEXT + x * (CELL + GAP) :][:, :CELL] for x in range(4)]
        assert all((cell != 255).any() for cell in cells)
        assert len({cell.tobytes() for cell in cells}) == 4


def test_findings_are_laid_beside_layout_and_photo(bank: Bank) -> None:
    options = CanvasOptions(band=0.1)
    samples = [(f"train/{n}", Sample(str(n), label=draw_label(n), photo=draw_photo(n))) for n in (5, 6)]
    sheet = retrieval_sheet(Canvases(bank, options=options), samples)
    rows = untile(sheet, 2, 4)
    for (name, sample), (layout, pieces, canvas, photo) in zip(samples, rows, strict=True):
        assert layout.shape[:2] == FRAME
        np.testing.assert_array_equal(photo, sample.photo)
        expected, _ = Canvases(bank, options=options).retrieved(sample.label, exclude=(name,))
        np.testing.assert_array_equal(canvas, expected[..., :3])
        filled = expected[..., 3] > 0
        np.testing.assert_array_equal(pieces[filled], canvas[filled])
        assert (pieces != 255).any(2).sum() > filled.sum()


def test_layouts_without_photos_have_no_fourth_column(bank: Bank) -> None:
    sheet = retrieval_sheet(Canvases(bank), [("val/7", Sample("7", label=draw_label(7)))])
    assert len(untile(sheet, 1, 3)[0]) == 3
