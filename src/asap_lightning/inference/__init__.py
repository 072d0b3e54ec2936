"""Translating with a trained model."""

from asap_lightning.inference.loading import load_generator
from asap_lightning.inference.translator import Translator, to_uint8

__all__ = ["Translator", "load_generator", "to_uint8"]
