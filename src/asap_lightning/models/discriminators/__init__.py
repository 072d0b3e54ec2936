"""Discriminators: modules called with (condition planes, image) that return features per scale."""

from asap_lightning.models.discriminators.multiscale import MultiscaleDiscriminator, PatchDiscriminator

__all__ = ["MultiscaleDiscriminator", "PatchDiscriminator"]
