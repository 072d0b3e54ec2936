import argparse
import os
import pickle
import subprocess
import sys
import textwrap

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.interop.options import in_our_words, options_beside, parse_value, read_options
from asap_lightning.interop.unpickle import Shell, load_pickle, load_torch, state_of

MODULE = """
    import torch
    from torch import nn

    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)
            self.norm = nn.Sequential(nn.BatchNorm2d(2), nn.LeakyReLU(0.2))
"""


class Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("write", ["pickle", "torch", "old torch"])
def test_a_pickle_that_imports_os_is_refused_and_nothing_runs(tmp_path, write):
    mark, path = tmp_path / "ran", tmp_path / "evil.pkl"
    if write == "pickle":
        path.write_bytes(pickle.dumps(Evil(mark)))
        read = load_pickle
    else:
        torch.save({"a": Evil(mark)}, path, _use_new_zipfile_serialization=write == "torch")
        read = load_torch
    with pytest.raises(UserError, match=r"refused: it tries to import '(os|posix)\.system'"):
        read(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "name", ["builtins.eval", "builtins.getattr", "torch.hub.load", "numpy.load", "models.x"]
)
def test_only_the_allow_list_is_imported(tmp_path, name):
    module, _, attribute = name.rpartition(".")
    path = tmp_path / "some.pkl"
    path.write_bytes(b"c" + module.encode() + b"\n" + attribute.encode() + b"\n.")
    if module == "models":
        path.write_bytes(b"cmodels.networks\nx\n.")
        assert load_pickle(path) is Shell
        assert "models.networks" not in sys.modules
    else:
        with pytest.raises(UserError, match="refused"):
            load_pickle(path)


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
    (shell,) = load_torch(path)
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


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 broken"])
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"damaged or not a checkpoint|refused"):
        load_torch(path)
    with pytest.raises(UserError, match="there is no file"):
        load_torch(tmp_path / "absent.pth")


def test_options_of_every_kind_read_alike(tmp_path):
    expected = {
        "label_nc": 12,
        "no_instance": True,
        "norm_G": "spectralspadesyncbatch3x3",
        "aspect_ratio": 1.0,
    }
    (tmp_path / "opt.pkl").write_bytes(pickle.dumps(argparse.Namespace(**expected)))
    assert options_beside(tmp_path) is None
    assert options_beside(tmp_path / "latest_net_G.pth") == tmp_path / "opt.pkl"
    (tmp_path / "opt.txt").write_text(
        "----------------- Options ---------------\n"
        "                 label_nc: 12                            \t[default: 182]\n"
        "              no_instance: True                          \t[default: False]\n"
        "                   norm_G: spectralspadesyncbatch3x3     \n"
        "             aspect_ratio: 1.0                           \n"
        "----------------- End -------------------\n"
    )
    assert read_options(tmp_path / "opt.pkl") == read_options(tmp_path / "opt.txt") == expected


@pytest.mark.parametrize(("name", "text"), [("a.json", "["), ("a.json", "[1]"), ("a.txt", "nothing here")])
def test_bad_option_files(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError):
        read_options(tmp_path / name)


def test_option_names_are_translated():
    assert in_our_words({"no_instance": True, "label_nc": 3}, "spade")["instance_edges"] is False
    assert "instance_edges" not in in_our_words({"no_instance": True}, "asapnet")
    rgb = in_our_words({"no_one_hot": True, "label_nc": 3, "hr_coor": "cosine", "hr_width": 64}, "asapnet")
    assert rgb["one_hot"] is False and "label_nc" not in rgb
    assert rgb["positional_encoding"] is True and rgb["mlp_width"] == 64
    assert [parse_value(text) for text in ("3", "true", "None", "[1, 2]", "x y")] == [
        3,
        True,
        None,
        [1, 2],
        "x y",
    ]
