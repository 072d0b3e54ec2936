import subprocess
import sys
import textwrap

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.interop.state_dicts import state_of
from asap_lightning.untrusted import load_torch

MODULE = """
    import torch
    from torch import nn

    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)
            self.norm = nn.Sequential(nn.BatchNorm2d(2), nn.LeakyReLU(0.2))
"""


def save_whole_module(folder, old):
    """In another process, from a package named as the authors': here it cannot be imported."""
    package = folder / "elsewhere" / "models"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "networks.py").write_text(textwrap.dedent(MODULE))
    path = folder / "whole.pth"
    code = (
        "import sys, torch; sys.path.insert(0, sys.argv[1]); from models.networks import Small;"
        "torch.manual_seed(0);"
        f"torch.save([Small()], sys.argv[2], _use_new_zipfile_serialization={not old})"
    )
    subprocess.run([sys.executable, "-c", code, str(package.parent), str(path)], check=True)
    return path


@pytest.mark.parametrize("old", [False, True])
def test_a_whole_module_becomes_its_state_dict(tmp_path, old):
    path = save_whole_module(tmp_path, old)
    (shell,) = load_torch(path, shells=True)
    state = state_of(shell, path)
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == {
        "conv.weight": (2, 1, 3, 3), "conv.bias": (2,), "norm.0.weight": (2,), "norm.0.bias": (2,),
        "norm.0.running_mean": (2,), "norm.0.running_var": (2,), "norm.0.num_batches_tracked": (),
    }  # fmt: skip
    assert state["conv.weight"].abs().sum() > 0


def test_wrapped_state_dicts_are_found(tmp_path):
    weights = {"a": torch.ones(1)}
    for wrapped in (weights, {"state_dict": weights, "epoch": 3}, {"netG": {"state_dict": weights}}):
        assert state_of(wrapped, tmp_path) == weights
    with pytest.raises(UserError, match="with the keys epoch"):
        state_of({"epoch": 1}, tmp_path)
