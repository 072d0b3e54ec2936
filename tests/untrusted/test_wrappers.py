import pytest

from asap_lightning.errors import UserError
from asap_lightning.untrusted import without_wrappers


@pytest.mark.parametrize(
    "prefix",
    ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "module.module._orig_mod.module."],
)
def test_wrappers_around_the_network_are_removed(prefix):
    state = {f"{prefix}conv.weight": 1, f"{prefix}norm.module.weight": 2}
    assert without_wrappers(state) == {"conv.weight": 1, "norm.module.weight": 2}


@pytest.mark.parametrize("inner", ["_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_wrappers_inside_are_removed(inner):
    assert without_wrappers({f"net.{inner}conv.weight": 1, "head.weight": 2}) == {
        "net.conv.weight": 1,
        "head.weight": 2,
    }


def test_names_that_only_look_like_wrappers_stay():
    names = ["module.a", "b", "net.module.c", "my_orig_mod.d", "submodule._orig_model.e"]
    assert list(without_wrappers(dict.fromkeys(names))) == names


def test_two_networks_in_one_file_are_an_error():
    with pytest.raises(UserError, match=r"'net\.w' and 'net\._orig_mod\.w' are both 'net\.w'"):
        without_wrappers({"net.w": 1, "net._orig_mod.w": 2})
