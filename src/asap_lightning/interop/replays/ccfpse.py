"""Replays recordings of CC-FPSE: generator, discriminator."""

from __future__ import annotations

from asap_lightning.interop.recordings import Outputs, Recording, condition_of, loaded, options_of, spec_of
from asap_lightning.interop.systems import ccfpse, spade


def replay_ccfpse(recording: Recording) -> Outputs:
    """CC-FPSE's generator."""
    options = options_of(recording)
    description = ccfpse.infer(recording.state, options)
    generator = loaded(recording, description, ccfpse.names, ccfpse.HINT)
    planes = spec_of(description).encode(condition_of(recording, spec_of(description)))
    return {"image": generator.synthesize(planes, spade.latent_grid(options, generator.upsampling))}


def replay_ccfpse_discriminator(recording: Recording) -> Outputs:
    """CC-FPSE's discriminator: the bottom-up features, finest first, and a prediction a level."""
    description = ccfpse.infer_discriminator(recording.state, recording.settings)
    judge = loaded(recording, description, ccfpse.discriminator_names)
    levels = judge(recording.inputs["segmap"], recording.inputs["image"])
    features = [feature for level in levels for feature in level[:-1]]
    outputs = {f"feature{index}": feature for index, feature in enumerate(features)}
    return outputs | {f"prediction{index}": level[-1] for index, level in enumerate(levels)}
