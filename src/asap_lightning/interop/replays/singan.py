"""Replays recordings of SinGAN: a scale's networks, resizing."""

from __future__ import annotations

from asap_lightning.interop.inferred import Options
from asap_lightning.interop.recordings import Outputs, Recording, loaded
from asap_lightning.interop.systems import singan
from asap_lightning.singan.resize import imresize


def replay_singan_generator(recording: Recording) -> Outputs:
    """One scale of SinGAN's generator."""
    description = singan.infer_generator(recording.state, recording.settings)
    generator = loaded(recording, description, singan.names)
    return {"image": generator(recording.inputs["noise"], recording.inputs["prev"])}


def replay_singan_discriminator(recording: Recording) -> Outputs:
    """One scale of SinGAN's discriminator."""
    description = singan.infer_discriminator(recording.state, recording.settings)
    return {"y": loaded(recording, description, singan.names)(recording.inputs["x"])}


def replay_imresize(recording: Recording) -> Outputs:
    """SinGAN's resizing."""
    settings: Options = recording.settings
    size = settings.get("output_shape") or settings.get("size")
    if size is not None:
        return {"y": imresize(recording.inputs["x"], size=(int(size[-2]), int(size[-1])))}
    scale = settings.get("scale", settings.get("scale_factor"))
    if scale is None and "y" in recording.outputs:
        height, width = recording.outputs["y"].shape[-2:]
        return {"y": imresize(recording.inputs["x"], size=(height, width))}
    return {"y": imresize(recording.inputs["x"], scale)}
