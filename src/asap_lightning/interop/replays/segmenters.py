"""Replays recordings of the published segmenters."""

from __future__ import annotations

import torch.nn.functional as F

from asap_lightning.interop.recordings import Outputs, Recording, loaded
from asap_lightning.interop.systems import segmenters


def replay_drn(recording: Recording) -> Outputs:
    """DRN on images that are normalised already."""
    network = loaded(recording, segmenters.infer_drn(recording.state, {}), segmenters.drn_names)
    x = recording.inputs["x"]
    return {"log_probability": network(x), "scores_low": network.scores(x)}


def replay_deeplab(recording: Recording) -> Outputs:
    """DeepLab v2, at each scale and the largest of all."""
    description = segmenters.infer_deeplab(recording.state, recording.settings)
    network = loaded(recording, description, segmenters.deeplab_names)
    x = recording.inputs["x"]
    outputs = {"logits_max": network(x), "logits_100": network.logits(x)}
    for scale in network.scales:
        smaller = F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
        outputs[f"logits_{round(100 * scale)}"] = network.logits(smaller)
    return outputs


def replay_upernet(recording: Recording) -> Outputs:
    """UPerNet: probabilities at the size asked for, log-probabilities at a quarter."""
    description = segmenters.infer_upernet(recording.state, recording.settings)
    network = loaded(recording, description, segmenters.upernet_names)
    logits = network(recording.inputs["x"])
    height, width = recording.settings["segSize"]
    resized = F.interpolate(logits, size=(height, width), mode="bilinear", align_corners=False)
    return {"probability": resized.softmax(1), "log_probability": logits.log_softmax(1)}
