"""Loss terms against the authors' recording and hand-worked values."""

import math

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.losses import (
    CrossEntropyLoss,
    HingeLoss,
    LeastSquaresLoss,
    TranslationObjective,
    WassersteinLoss,
    feature_matching,
    kl_divergence,
)
from asap_lightning.losses.adversarial import over_scales

KINDS = {
    "hinge": HingeLoss(),
    "ls": LeastSquaresLoss(),
    "original": CrossEntropyLoss(),
    "w": WassersteinLoss(),
}


@pytest.fixture(scope="module")
def recording(reference_dir):
    return torch.load(reference_dir / "losses.pt", weights_only=True)


def features(recording, which):
    return [[recording["inputs"][f"pred_{which}_{s}_{layer}"] for layer in (0, 1)] for s in (0, 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_adversarial_losses_agree_with_the_authors(recording, kind):
    loss, outputs = KINDS[kind], recording["outputs"]
    fake, real = features(recording, "fake"), features(recording, "real")
    torch.testing.assert_close(over_scales(loss.fake, fake), outputs[f"{kind}_D_fake"])
    torch.testing.assert_close(over_scales(loss.real, real), outputs[f"{kind}_D_real"])
    torch.testing.assert_close(over_scales(loss.generator, fake), outputs[f"{kind}_G"])


def test_feature_matching_and_kl_agree_with_the_authors(recording):
    found = 10 * feature_matching(features(recording, "fake"), features(recording, "real"))
    torch.testing.assert_close(found, recording["outputs"]["feature_matching_lambda10"][0])
    found = kl_divergence(recording["inputs"]["mu"], recording["inputs"]["logvar"])
    torch.testing.assert_close(found, recording["outputs"]["kld"])


def test_hand_worked_values():
    prediction = torch.tensor([-2.0, 0.0, 2.0])
    assert HingeLoss().real(prediction).item() == pytest.approx((3 + 1 + 0) / 3)
    assert HingeLoss().fake(prediction).item() == pytest.approx((0 + 1 + 3) / 3)
    assert LeastSquaresLoss().real(prediction).item() == pytest.approx((9 + 1 + 1) / 3)
    assert CrossEntropyLoss().real(torch.zeros(1)).item() == pytest.approx(math.log(2))
    assert WassersteinLoss().generator(torch.tensor([3.0])).item() == -3
    assert kl_divergence(torch.zeros(2, 3), torch.zeros(2, 3)).item() == 0


def test_feature_matching_leaves_the_real_side_alone():
    fake = [[torch.ones(1, requires_grad=True), torch.ones(1)]]
    real = [[torch.zeros(1, requires_grad=True), torch.ones(1)]]
    loss = feature_matching(fake, real)
    loss.backward()
    assert loss.item() == 1 and fake[0][0].grad.item() == 1 and real[0][0].grad is None


def test_the_objective_names_and_weights_its_terms():
    objective = TranslationObjective(HingeLoss(), feature_matching=10, l1=100, mse=2, phi_l2=3, kl=0.05)
    image, photo = torch.full((1, 3, 2, 2), 0.5), torch.zeros(1, 3, 2, 2)
    fake = [[torch.ones(1), torch.full((1,), 4.0)]]
    extras = {"phi": torch.full((4,), 2.0), "mu": torch.ones(1, 2), "logvar": torch.zeros(1, 2)}
    terms = objective.generator_terms(
        image, photo, fake=fake, real=[[torch.zeros(1), torch.ones(1)]], extras=extras
    )
    values = {name: round(float(term), 5) for name, term in terms.items()}
    assert values == {
        "adversarial": -4,
        "feature_matching": 10,
        "l1": 50,
        "mse": 0.5,
        "phi_l2": 12,
        "kl": 0.05,
    }


def test_a_head_of_classes_is_compared_with_the_layout():
    logits = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    label = torch.randint(3, (2, 4, 5))
    planes = torch.zeros(2, 4, 4, 5).scatter_(1, label[:, None], 1.0)
    planes[:, 3] = 1  # edges of instances are no class
    objective = TranslationObjective(l1=1.0, class_cross_entropy=10.0)
    image = torch.zeros(2, 3, 4, 5)
    terms = objective.generator_terms(image, image, extras={"class_logits": logits}, planes=planes)
    shares = logits.double().softmax(1).gather(1, label[:, None])
    torch.testing.assert_close(terms["classes"].double(), -10 * shares.log().mean(), rtol=1e-5, atol=1e-5)
    (grad,) = torch.autograd.grad(terms["classes"], logits)
    expected = 10 * (logits.softmax(1) - planes[:, :3]) / label.numel()
    torch.testing.assert_close(grad, expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(UserError, match=r"loss\.class_cross_entropy=10\.0: the generator has no head"):
        objective.generator_terms(image, image, planes=planes)


def test_an_objective_without_any_image_term_is_refused():
    with pytest.raises(ValueError, match="no term that sees the image"):
        TranslationObjective(None, phi_l2=1.0)
