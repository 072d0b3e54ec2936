"""Replays recordings of pix2pix: generators, PatchGANs, PixelGAN."""

from __future__ import annotations

from asap_lightning.interop.recordings import Outputs, Recording, loaded
from asap_lightning.interop.systems import pix2pix


def replay_pix2pix(recording: Recording) -> Outputs:
    """pix2pix's generators on dense planes."""
    options = {"mode": "eval", **recording.settings}
    description = pix2pix.infer(recording.state, options)
    generator = loaded(
        recording, description, lambda network: pix2pix.names(network, recording.state), pix2pix.HINT
    )
    x = recording.inputs["x"]
    return {"y": generator.translate(x) if hasattr(generator, "translate") else generator.network(x)}


def replay_patchgan(recording: Recording) -> Outputs:
    """pix2pix's PatchGAN of any receptive field."""
    description = pix2pix.infer_patchgan(recording.state, recording.settings)
    judge = loaded(recording, description, pix2pix.patchgan_names)
    return {"y": judge.judge(recording.inputs["x"])[0][-1]}


def replay_pixelgan(recording: Recording) -> Outputs:
    """pix2pix's PixelGAN."""
    description = pix2pix.infer_pixelgan(recording.state, recording.settings)
    judge = loaded(recording, description, pix2pix.pixelgan_names)
    return {"y": judge.judge(recording.inputs["x"])[0][-1]}
