import copy

import torch
from torchvision.models.vgg import cfgs, make_layers

from asap_lightning.models.pretrained.vgg import load_vgg19, vgg19_layers


def test_layers_initialisation_and_outputs_are_torchvisions(tmp_path) -> None:
    torch.manual_seed(1)
    theirs = make_layers(cfgs["E"])
    after = torch.rand(1)
    torch.manual_seed(1)
    ours = vgg19_layers()
    assert torch.equal(torch.rand(1), after), "as many random numbers are drawn"
    assert list(ours.state_dict()) == list(theirs.state_dict())
    image = torch.rand(1, 3, 32, 32)
    assert torch.equal(ours(image), copy.deepcopy(theirs)(image))
    for prefix in ("", "features."):
        torch.save({f"{prefix}{name}": w for name, w in theirs.state_dict().items()}, tmp_path / "w.pth")
        loaded = load_vgg19(tmp_path / "w.pth")
        assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), theirs.parameters(), strict=True))
        assert not any(getattr(layer, "inplace", False) for layer in loaded)
