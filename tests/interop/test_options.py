import argparse
import pickle

import pytest

from asap_lightning.errors import UserError
from asap_lightning.interop.options import in_our_words, options_beside, parse_value, read_options


def test_options_of_every_kind_read_alike(tmp_path):
    expected = {
        "label_nc": 12,
        "no_instance": True,
        "norm_G": "spectralspadesyncbatch3x3",
        "aspect_ratio": 1.0,
    }
    (tmp_path / "opt.pkl").write_bytes(pickle.dumps(argparse.Namespace(**expected)))
    assert options_beside(tmp_path / "elsewhere" / "latest_net_G.pth") is None
    for given in (tmp_path / "latest_net_G.pth", tmp_path):
        assert options_beside(given) == tmp_path / "opt.pkl"
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


@pytest.mark.parametrize(
    "text", ["-" * 100_000 + "1", "[" * 900, "(" * 100_000, "1" * 5000, "{[]: 1}", "1+" * 400]
)
def test_values_that_are_no_values_stay_text(text):
    assert parse_value(text) == text
