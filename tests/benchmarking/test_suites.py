"""The benchmark: the authors' algorithm is the same function, pairs are fair, results are readable."""

from __future__ import annotations

import json

import pytest
import torch

import small
from asap_lightning.benchmarking import machine, report
from asap_lightning.benchmarking.authors import AuthorsAlgorithm
from asap_lightning.benchmarking.cases import CASES, CITYSCAPES, FACADES, Case
from asap_lightning.benchmarking.operations import bilateral_calls, lowres_layers
from asap_lightning.benchmarking.sizes import SIZES, Size
from asap_lightning.benchmarking.suites import _counted_gflop
from asap_lightning.benchmarking.timing import Side, ratio, run_pairs
from asap_lightning.commands import benchmark
from asap_lightning.configuration.peers import generator_node, make_peer
from asap_lightning.errors import UserError
from asap_lightning.evaluation.cost.memory import peak_of
from asap_lightning.ops import native

needs_native = pytest.mark.skipif(bool(native.load_failure()), reason=native.load_failure() or "available")


@pytest.mark.parametrize("spec", [FACADES, CITYSCAPES])
def test_authors_algorithm_is_the_generators_function(spec):
    torch.manual_seed(0)
    generator = small.asap_generator(spec, s1=2, init_gain=1.0).eval()
    condition = Case("small", spec, 32, 48).condition(torch.device("cpu"))
    with torch.no_grad():
        expected = generator(condition).image
        found = AuthorsAlgorithm(generator)(condition).image
    assert expected.std() > 0.01
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_pairs_alternate():
    calls = []
    sides = run_pairs({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repeats=3)
    assert calls[-6:] == ["a", "b"] * 3
    assert [len(side.wall) for side in sides.values()] == [3, 3]
    with pytest.raises(ValueError, match="repeats >= 1"):
        run_pairs({}, repeats=0)


def test_ratio_is_taken_within_pairs():
    # the machine slowed down threefold in the second pair; the ratio does not see it
    slow, fast = Side([40.0, 120.0, 40.0]), Side([10.0, 30.0, 10.0])
    found = ratio(slow, fast)
    assert (found.median, found.low, found.high) == (4.0, 4.0, 4.0)


def test_peak_memory_of_a_call():
    peak = peak_of(lambda: torch.ones(16 << 20).sum())
    if peak < 0:
        pytest.skip("this system does not tell peak memory")
    assert 50 << 20 < peak < 160 << 20


def test_work_of_the_papers_model():
    case = CASES["facades-1024"]
    generator = case.generator(torch.device("cpu"))
    assert generator.layout.tile == 64
    assert case.pixelwise_gflop(generator) == pytest.approx(26.2, abs=0.6)
    assert case.lowres_gflop(generator) == pytest.approx(44.6, abs=0.6)


def row(speedup, side="native"):
    return {"case": "facades-512", "side": side, "ms": 10.0, "megapixels": 0.26, "speedup": speedup}


def test_comparison_finds_regressions():
    text, regressions = report.compare([row(4.0), row(1.0, "authors")], [row(5.0)])
    assert regressions == 1
    assert "5.00x then, 4.00x now (-20%) REGRESSION" in text
    assert report.compare([row(4.9)], [row(5.0)])[1] == 0


def test_results_round_trip_and_bad_files(tmp_path):
    path = tmp_path / "results" / "one.json"
    report.save(path, "inference", {"processor": "x"}, {"gflops": 1.0}, [row(2.0)])
    assert report.load(path)["rows"][0]["speedup"] == 2.0
    with pytest.raises(UserError, match="cannot be read"):
        report.load(tmp_path / "none.json")
    other = tmp_path / "other.json"
    other.write_text(json.dumps([1]))
    with pytest.raises(UserError, match="no benchmark result"):
        report.load(other)
    other.write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        report.load(other)


def test_table_leaves_out_empty_columns():
    text = report.table([row(4.0)])
    assert "x authors" in text
    assert "peak MiB" not in text


def small_generators(monkeypatch):
    monkeypatch.setattr(
        Case,
        "generator",
        lambda self, device: (
            small.asap_generator(self.spec, s1=2, lowres_width=8, lowres_max_width=16, init_gain=1.0)
            .eval()
            .to(device)
        ),
    )


@needs_native
def test_layers_of_the_lowres_stream(monkeypatch):
    small_generators(monkeypatch)
    tiny = Case("tiny", FACADES, 256, 256)
    layers = lowres_layers(tiny, torch.device("cpu"), repeats=2)
    assert list(layers) == [
        "layer 1: 13->8 to 128x128",
        "layer 2: 8->8 stride 2 to 64x64",
        "layer 3: 8->16 stride 2 to 32x32",
        "layer 4: 16->16 to 32x32",
        "layer 5: 1x1 to phi",
    ]
    # none is wide enough for Winograd: what they compute is the direct convolution
    generator = tiny.generator(torch.device("cpu"))
    assert sum(work for work, _ in layers.values()) == pytest.approx(tiny.lowres_gflop(generator))
    assert all(len(side.wall) == len(side.cpu) == 2 and min(side.wall) > 0 for _, side in layers.values())


def test_sides_of_bilateral_slicing_compute_the_same():
    backends = ["torch"] if native.load_failure() else ["torch", "native"]
    found = bilateral_calls(Case("small", FACADES, 32, 48), torch.device("cpu"), [*backends, "triton"])
    assert list(found) == ["bilateral_slice_apply", "bilateral_slice_apply and gradient"]
    for work, sides in found.values():
        assert work > 0 and list(sides) == ["authors", *backends]
        expected = sides["authors"]()
        for side in backends:
            torch.testing.assert_close(sides[side](), expected, rtol=1e-4, atol=1e-4)


def test_command_measures_and_compares(tmp_path, capsys, monkeypatch):
    tiny = Case("tiny", FACADES, 256, 256)
    monkeypatch.setitem(SIZES, "tiny", Size("facades", 256, 256))
    monkeypatch.setitem(CASES, "tiny", tiny)
    small_generators(monkeypatch)
    monkeypatch.setattr(machine, "peaks", lambda device: {"gflops": 100.0, "gigabytes_per_second": 10.0})
    output = tmp_path / "tiny.json"
    arguments = ["inference", "--cases", "tiny", "--repeats", "2", "--output", str(output)]
    assert benchmark.main(arguments) == 0
    assert "| tiny " in capsys.readouterr().out
    rows = report.load(output)["rows"]
    assert {"authors", "torch"} <= {found["side"] for found in rows}
    document = report.load(output)
    for found in document["rows"]:
        found["speedup"] *= 100
    report.save(output, "inference", {}, {}, document["rows"])
    assert benchmark.main([*arguments[:-1], str(tmp_path / "two.json"), "--compare", str(output)]) == 1
    assert "REGRESSION" in capsys.readouterr().out


def test_command_refuses_bad_flags(tmp_path):
    with pytest.raises(UserError, match=r"no such case.*facades-512"):
        benchmark.main(["inference", "--cases", "facade-512"])
    with pytest.raises(UserError, match="at least 1"):
        benchmark.main(["ops", "--repeats", "0"])
    with pytest.raises(UserError, match="--plot draws the inference suite"):
        benchmark.main(["ops", "--plot", str(tmp_path / "a.png")])


def test_any_generator_can_be_timed_as_a_peer():
    case = Case("small", CITYSCAPES, 64, 128)
    peer = make_peer("spade_fast", case, torch.device("cpu"))
    assert peer.spec == CITYSCAPES
    assert generator_node("pix2pix_resnet6")["blocks"] == 6
    counted = _counted_gflop(peer, case.condition(torch.device("cpu")))
    assert counted == pytest.approx(43.4 / 16, rel=0.05)  # its 256 x 512, by area


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("spad_fast", "Did you mean spade_fast"),
        ("facades_512", "is ASAP-Net itself"),
        ("pix2pix", "multiples of 256, but small is 32 x 64"),
    ],
)
def test_peers_that_cannot_be_timed_say_why(name, message):
    with pytest.raises(UserError, match=message):
        make_peer(name, Case("small", CITYSCAPES, 32, 64), torch.device("cpu"))


def test_peers_belong_to_the_inference_suite():
    with pytest.raises(UserError, match="--peers belongs to the inference suite"):
        benchmark.main(["ops", "--peers", "spade"])
