"""Replays recordings of SPADE: generator, style encoder."""

from __future__ import annotations

from asap_lightning.interop.recordings import Outputs, Recording, condition_of, loaded, options_of, spec_of
from asap_lightning.interop.systems import spade


def replay_spade(recording: Recording) -> Outputs:
    """SPADE's generator, with and without style."""
    options = options_of(recording)
    description = spade.infer(recording.state, options)
    generator = loaded(recording, description, spade.names, spade.HINT)
    planes = spec_of(description).encode(condition_of(recording, spec_of(description)))
    grid = spade.latent_grid(options, generator.upsampling)
    return {"image": generator.synthesize(planes, grid, recording.inputs.get("z"))}


def replay_spade_encoder(recording: Recording) -> Outputs:
    """SPADE's image encoder."""
    description = spade.infer_encoder(recording.state, recording.settings)
    encoder = loaded(recording, description, spade.encoder_names)
    mu, logvar = encoder(recording.inputs["image"])
    return {"mu": mu, "logvar": logvar}
