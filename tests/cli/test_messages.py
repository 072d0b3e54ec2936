"""Mistakes in overrides: Hydra's message, the nearest valid name, exit code 2, no traceback."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "generator.mlp_widht=3",
            ["Could not override 'generator.mlp_widht'", "Did you mean generator.mlp_width?"],
        ),
        ("mlp_width=3", ["Could not override 'mlp_width'", "Did you mean generator.mlp_width?"]),
        ("trainer.max_step=3", ["Did you mean trainer.max_steps?"]),
        ("data.layout.test_shar=1", ["Did you mean data.layout.test_share?"]),
        ("generatr=asap", ["Could not override 'generatr'", "Did you mean generator?"]),
        ("generator=asp", ["Could not find 'generator/asp'", "asap_small", "Did you mean asap?"]),
        ("experiment=facade_512", ["Could not find 'experiment/facade_512'", "Did you mean facades_512?"]),
        ("~generator.foo", ["Could not delete from config. 'generator.foo' does not exist"]),
        ("generator.mlp_width=[", ["cannot read the override 'generator.mlp_width=['"]),
        ("generator.mlp_width", ["cannot read the override", "generator.mlp_width"]),
    ],
)
def test_wrong_override(asap, override: str, expected: list[str]) -> None:
    shown = asap("train", override, "--cfg", "job")
    assert shown.code == 2
    assert shown.err.startswith("asap train: error: ")
    for text in expected:
        assert text in shown.err
    for noise in ("Traceback", "Config search path", "object_type", "HYDRA_FULL_ERROR", "in struct"):
        assert noise not in shown.err


def test_a_key_of_a_chosen_option_is_suggested(asap) -> None:
    shown = asap("train", "data=cityscapes", "loss=l1", "loss.11=1", "--cfg", "job")
    assert "Did you mean loss.l1?" in shown.err


def test_unknown_flag(asap) -> None:
    shown = asap("train", "--cgf", "job")
    assert shown.code == 2 and "unrecognized arguments: --cgf" in shown.err


def test_flags_may_stand_between_overrides(asap) -> None:
    shown = asap("train", "seed=7", "--cfg", "job", "name=mine")
    assert shown.code == 0 and "seed: 7" in shown.out and "name: mine" in shown.out


def test_missing_value_names_its_key(asap) -> None:
    shown = asap("train", "data=cityscapes")
    assert shown.code == 2 and "data.root" in shown.err and "Traceback" not in shown.err


def test_missing_value_of_predict(asap) -> None:
    shown = asap("predict")
    assert shown.code == 2 and "input=VALUE" in shown.err and "Traceback" not in shown.err


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("generator.s1=3", "generator: S1 must be a power of two, got 3"),
        ("generator.phi_mode=cubic", "phi_mode must be nearest, bilinear or constant, got 'cubic'"),
        ("+generator.width=3", "generator: "),
        ("generator._target_=asap_lightning.models.Nothing", "asap_lightning.models.Nothing"),
        ("training.ema=2", "training.ema=2: a decay between 0 and 1, or null, was expected"),
        ("training.order=both", "training.order=both: generator_first or discriminator_first was expected"),
        ("checkpoint.every_n_steps=0", "checkpoint: every_n_steps must be at least 1, got 0"),
        ("trainer.precision=8", "configured under 'trainer'"),
        ("loss=l1", "discriminator=none"),
        ("data.batch_size=0", "data.batch_size=0: at least 1 was expected"),
        ("data.eval_mode=crop", "data.eval_mode=crop"),
        ("data.height=72 generator.s1=2 generator.s2=8", "data.height=72 is not a multiple of 16"),
        ("generator.s1=auto data.height=100", "generator.s1=auto needs height"),
    ],
)
def test_unsuitable_value(train, override: str, expected: str) -> None:
    shown = train("trainer.max_steps=1", *override.split())
    assert shown.code == 2, shown.err
    assert expected in shown.err
    assert "Traceback" not in shown.err


def test_perceptual_loss_without_weights_stops_before_the_first_step(train, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    shown = train("loss=asap", "hydra.run.dir=run")
    assert shown.code == 2
    assert (
        "VGG" in shown.err and "loss.perceptual=null" in shown.err and "loss.perceptual.weights" in shown.err
    )
    assert not (tmp_path / "run" / "checkpoints").exists()
