"""Replays a recording of ASAP-Net on our network."""

from __future__ import annotations

from asap_lightning import ops
from asap_lightning.condition import instance_edges
from asap_lightning.interop.recordings import Outputs, Recording, condition_of, loaded, options_of, spec_of
from asap_lightning.interop.systems import asapnet


def replay_asapnet(recording: Recording) -> Outputs:
    """ASAP-Net's generator, with what it computes on the way."""
    description = asapnet.infer(recording.state, options_of(recording))
    generator = loaded(recording, description, asapnet.names, asapnet.HINT)
    generator.backend = "reference"  # the authors' order of operations; the fast ones are tested against it
    condition = condition_of(recording, spec_of(description))
    phi = generator.predict_phi(condition)
    outputs = {
        "lowres_input": generator.lowres_input(condition),
        "phi": phi,
        "image": generator(condition).image,
        "positional_encoding": ops.positional_encoding(generator.tile).unsqueeze(0),
    }
    if condition.instance is not None:
        outputs["edges"] = instance_edges(condition.instance).float()
    return outputs
