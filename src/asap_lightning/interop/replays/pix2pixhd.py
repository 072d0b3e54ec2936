"""Replays recordings of pix2pixHD: generators, feature encoder, discriminator."""

from __future__ import annotations

from asap_lightning.interop.recordings import Outputs, Recording, judged, loaded
from asap_lightning.interop.systems import pix2pixhd


def replay_pix2pixhd(recording: Recording) -> Outputs:
    """pix2pixHD's global or local generator on dense planes."""
    description = pix2pixhd.infer(recording.state, {**recording.settings, "one_hot": False})
    generator = loaded(recording, description, pix2pixhd.names, pix2pixhd.HINT)
    return {"image": generator.translate(recording.inputs["x"])}


def replay_pix2pixhd_encoder(recording: Recording) -> Outputs:
    """pix2pixHD's feature encoder."""
    description = pix2pixhd.infer_encoder(recording.state, recording.settings)
    encoder = loaded(recording, description, pix2pixhd.encoder_names)
    return {"features": encoder(recording.inputs["image"], recording.inputs["instance"])}


def replay_pix2pixhd_discriminator(recording: Recording) -> Outputs:
    """pix2pixHD's discriminator on condition and image concatenated."""
    description = pix2pixhd.infer_discriminator(recording.state, recording.settings)
    judge = loaded(recording, description, pix2pixhd.discriminator_names)
    return judged(judge.judge(recording.inputs["x"]))
