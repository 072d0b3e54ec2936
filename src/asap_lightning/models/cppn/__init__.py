"""CPPN and Fourier features: one MLP for all pixels, of their places and conditions."""

from asap_lightning.models.cppn.generator import CppnGenerator

__all__ = ["CppnGenerator"]
