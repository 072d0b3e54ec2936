"""Replays recordings of the discriminator that SPADE, ASAP-Net and CoCosNet share."""

from __future__ import annotations

from asap_lightning.interop.recordings import Outputs, Recording, judged, loaded
from asap_lightning.interop.systems import multiscale


def replay_multiscale(recording: Recording) -> Outputs:
    """SPADE's and ASAP-Net's discriminator on condition and image concatenated."""
    description = multiscale.infer(recording.state, recording.settings)
    return judged(loaded(recording, description, multiscale.names).judge(recording.inputs["x"]))


def replay_cocosnet_discriminator(recording: Recording) -> Outputs:
    """CoCosNet v2's discriminator on condition and image concatenated."""
    description = multiscale.infer(recording.state, {**recording.settings, "padding": 1})
    return judged(loaded(recording, description, multiscale.names).judge(recording.inputs["x"]))
