"""ASAP-Net and its peers: fast, high-resolution image-to-image translation.

Importing the package is cheap: heavy libraries are imported by the modules that use them, and
`Translator` when it is first asked for, at the cost of torch.
"""

from asap_lightning.lazy import lazily

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazily(
    __name__, {"Translator": "inference.translator", "translate_folder": "inference.folder"}
)
