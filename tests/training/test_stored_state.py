"""What a checkpoint may say of gradient scalers and whose turn it is."""

from __future__ import annotations

import pytest

from asap_lightning.training.stored_state import _are_scalers, _is_turn

SCALER = {"scale": 65536.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2000}


def test_scalers() -> None:
    assert _are_scalers([SCALER, {**SCALER, "_growth_tracker": 0}]) and _are_scalers([])


@pytest.mark.parametrize(
    "value",
    [{}, [3], [{1: 2.0}], [{"scale": -1.0}], [{"scale": "1"}], [{"scale": True}], [SCALER, {"scale": -0.5}]],
)
def test_values_that_no_scaler_has(value: object) -> None:
    assert not _are_scalers(value)


def test_turns() -> None:
    assert _is_turn({"count": 0, "step": -1}) and _is_turn({"count": 2, "step": 5})
    for value in (
        {"count": 0, "step": -2},
        {"count": -1, "step": 0},
        {"count": 0},
        {"count": 0.0, "step": 0},
    ):
        assert not _is_turn(value)
    assert not _is_turn({"count": 0, "step": 0, "more": 0}) and not _is_turn([])
