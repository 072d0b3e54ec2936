"""Networks only: PyTorch and nothing of Lightning, Hydra or W&B."""

from asap_lightning.models.asap import AsapGenerator
from asap_lightning.models.discriminators import MultiscaleDiscriminator
from asap_lightning.models.generator import Generator, GeneratorOutput

__all__ = ["AsapGenerator", "Generator", "GeneratorOutput", "MultiscaleDiscriminator"]
