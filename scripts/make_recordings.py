"""Writes the small recordings in tests/recordings with the slow reference operations.

Run it only when the method itself changes: the recordings are what later code is held against.
"""

from pathlib import Path

import torch

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import AsapGenerator

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "recordings"


def record_generator() -> None:
    """A generator with unknown class and instance edges on a random layout."""
    torch.manual_seed(20)
    spec = ConditionSpec(num_classes=4, has_unknown=True, instance_edges=True)
    settings = dict(s1=2, s2=4, mlp_width=8, mlp_depth=3, lowres_width=6, lowres_max_width=10, lowres_depth=2)
    generator = AsapGenerator(spec, **settings, backend="reference")
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    label = torch.randint(0, 5, (2, 24, 32))
    instance = torch.randint(0, 3, (2, 6, 8)).repeat_interleave(4, 1).repeat_interleave(4, 2)
    with torch.no_grad():
        output = generator(Condition(label=label, instance=instance))
    recording = {
        "spec": spec.as_dict(), "settings": settings, "state_dict": generator.state_dict(), "label": label,
        "instance": instance, "image": output.image, "phi": output.extras["phi"],
    }  # fmt: skip
    torch.save(recording, FOLDER / "asap_small.pt")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    record_generator()
