"""The multi-scale discriminator against the authors' recording, and its structure."""

import torch

from asap_lightning.condition import ConditionSpec
from asap_lightning.models import MultiscaleDiscriminator

SPEC = ConditionSpec(num_classes=6)


def test_agrees_with_the_authors(reference_dir):
    recording = torch.load(reference_dir / "discriminator_multiscale.pt", weights_only=True)
    discriminator = MultiscaleDiscriminator(SPEC, width=8).eval()
    own = discriminator.state_dict()
    discriminator.load_state_dict(dict(zip(own, recording["state_dict"].values(), strict=True)))
    x = recording["inputs"]["x"]
    with torch.no_grad():
        results = discriminator(x[:, :6], x[:, 6:])
    worst = 0.0
    for scale, features in enumerate(results):
        for layer, feature in enumerate(features):
            expected = recording["outputs"][f"scale{scale}_layer{layer}"]
            error = float((feature - expected).abs().max())
            worst = max(worst, error)
            assert error <= 1e-4 * max(1.0, float(expected.abs().max()))
    print(f"discriminator_multiscale: largest error {worst:.2e}")
    assert len(results) == 2 and len(results[0]) == 5


def test_every_parameter_gets_a_gradient_and_scales_halve():
    discriminator = MultiscaleDiscriminator(SPEC, width=4, scales=3)
    results = discriminator(torch.randn(1, 6, 64, 96), torch.randn(1, 3, 64, 96))
    assert [tuple(scale[0].shape[-2:]) for scale in results] == [(33, 49), (17, 25), (9, 13)]
    sum(scale[-1].square().sum() for scale in results).backward()
    for name, parameter in discriminator.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_images_are_judged_independently_of_their_batch():
    discriminator = MultiscaleDiscriminator(SPEC, width=4).eval()
    planes, images = torch.randn(2, 6, 32, 32), torch.randn(2, 3, 32, 32)
    together = discriminator(planes, images)
    alone = discriminator(planes[1:], images[1:])
    for a, b in zip(together, alone, strict=True):
        torch.testing.assert_close(a[-1][1:], b[-1], atol=1e-5, rtol=1e-5)
