"""Replays recordings of HDRNet: coefficients, guide, slicing."""

from __future__ import annotations

from dataclasses import replace

from asap_lightning import ops
from asap_lightning.interop.recordings import Outputs, Recording, loaded
from asap_lightning.interop.systems import hdrnet


def replay_hdrnet_coefficients(recording: Recording) -> Outputs:
    """HDRNet's coefficient network; its grid is recorded (B, h, w, D, O, K)."""
    recording = replace(recording, state=hdrnet.in_torch_layout(recording.state))
    description = hdrnet.infer_coefficients(recording.state, recording.settings)
    network = loaded(recording, description, hdrnet.coefficient_names)
    small = recording.inputs["lowres"].permute(0, 3, 1, 2)
    splat, summary, fusion = network.features(small)
    grid = network(small).permute(0, 4, 5, 3, 2, 1)
    return {"splat": splat, "global": summary, "fusion": fusion, "grid": grid}


def replay_hdrnet_guide(recording: Recording) -> Outputs:
    """HDRNet's guide of curves; images are recorded channels last."""
    recording = replace(recording, state=hdrnet.in_torch_layout(recording.state))
    guide = loaded(recording, hdrnet.infer_guide(recording.state, recording.settings), hdrnet.guide_names)
    image = recording.inputs["image"].permute(0, 3, 1, 2)
    transformed = guide.transformed(image)
    curved = guide.curved(transformed)
    return {
        "after_ccm": transformed.permute(0, 2, 3, 1),
        "after_curve": curved.permute(0, 2, 3, 1),
        "guide": guide(image),
    }


def replay_hdrnet_slice(recording: Recording) -> Outputs:
    """HDRNet's operators: the grid is recorded (B, h, w, D, O, K), images channels last."""
    grid = recording.inputs["grid"].permute(0, 5, 4, 3, 1, 2)
    guide, image = recording.inputs["guide"], recording.inputs["image"].permute(0, 3, 1, 2)
    sliced, applied = ops.bilateral_slice(grid, guide), ops.bilateral_slice_apply(grid, guide, image)
    return {"sliced": sliced.permute(0, 3, 4, 2, 1), "output": applied.permute(0, 2, 3, 1)}
