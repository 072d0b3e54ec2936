"""Replays a recording of an authors' program on our networks: a module a system.

Every function takes a `Recording` and returns our outputs under the recording's names.
"""

from __future__ import annotations

import re
from importlib import import_module

import torch

from asap_lightning.errors import UserError
from asap_lightning.interop.recordings import Outputs, Recording

REPLAYS: tuple[tuple[str, str, str], ...] = (
    (r"loss", "losses", "replay_losses"),
    (r"cocosnet.*patch-?match", "cocosnet", "replay_cocosnet_patch_match"),
    (r"cocosnet.*correspondence", "cocosnet", "replay_cocosnet_correspondence"),
    (r"cocosnet.*discriminator", "multiscale", "replay_cocosnet_discriminator"),
    (r"cocosnet.*translation", "cocosnet", "replay_cocosnet_translation"),
    (r"\bdrn", "segmenters", "replay_drn"),
    (r"deeplab-?v2", "segmenters", "replay_deeplab"),
    (r"upernet", "segmenters", "replay_upernet"),
    (r"singan.*imresize|imresize", "singan", "replay_imresize"),
    (r"singan.*discriminator", "singan", "replay_singan_discriminator"),
    (r"singan.*generator", "singan", "replay_singan_generator"),
    (r"pix2pix-?hd.*discriminator", "pix2pixhd", "replay_pix2pixhd_discriminator"),
    (r"pix2pix-?hd.*encoder", "pix2pixhd", "replay_pix2pixhd_encoder"),
    (r"pix2pix-?hd", "pix2pixhd", "replay_pix2pixhd"),
    (r"pixel-?gan|1x1", "pix2pix", "replay_pixelgan"),
    (r"multi-?scale", "multiscale", "replay_multiscale"),
    (r"patch-?gan|image-?gan", "pix2pix", "replay_patchgan"),
    (r"pix2pix.*(?:u-?net|resnet|generator)", "pix2pix", "replay_pix2pix"),
    (r"cc-?fpse.*discriminator", "ccfpse", "replay_ccfpse_discriminator"),
    (r"cc-?fpse", "ccfpse", "replay_ccfpse"),
    (r"hdrnet.*slice", "hdrnet", "replay_hdrnet_slice"),
    (r"hdrnet.*guide", "hdrnet", "replay_hdrnet_guide"),
    (r"hdrnet.*coefficient", "hdrnet", "replay_hdrnet_coefficients"),
    (r"spade.*encoder", "spade", "replay_spade_encoder"),
    (r"spade", "spade", "replay_spade"),
    (r"asap-?net", "asapnet", "replay_asapnet"),
)
"""What a system's name matches, in this order; the module here that replays it, and its function."""


def replay(recording: Recording) -> Outputs:
    """Our outputs for the recorded inputs.

    Raises:
        UserError: the JSON names a system that is not known here, or weights and settings do not fit.
    """
    for pattern, module, function in REPLAYS:
        if re.search(pattern, recording.system):
            with torch.no_grad():
                outputs: Outputs = getattr(import_module(f"{__name__}.{module}"), function)(recording)
            return outputs
    raise UserError(
        f"{recording.path.stem}.json: no system is known by the name '{recording.settings.get('system')}'"
    )
