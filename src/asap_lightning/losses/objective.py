"""The training objective of an image-to-image generator and its discriminator."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.errors import UserError
from asap_lightning.losses.adversarial import AdversarialLoss, Features, over_scales
from asap_lightning.losses.content import ContentLoss
from asap_lightning.losses.perceptual import PerceptualLoss
from asap_lightning.losses.terms import class_cross_entropy, feature_matching, kl_divergence

Terms = dict[str, Tensor]


class TranslationObjective(nn.Module):
    """Weighted sum of named terms (ASAP-Net section 3.4; pix2pix, pix2pixHD and SPADE are settings of it).

    Args:
        adversarial: the adversarial objective; None trains without a discriminator.
        adversarial_weight: factor of the generator's adversarial term.
        feature_matching: factor of feature matching (10 in ASAP-Net; divided by the number of scales).
        perceptual: the perceptual loss, with its own factor; None leaves it out.
        l1: factor of the L1 distance to the photo.
        mse: factor of the squared distance to the photo.
        phi_l2: factor of the mean square of phi.
        kl: factor of the KL divergence of a style encoder (0.05 in SPADE).
        class_cross_entropy: factor of the cross-entropy of a head of classes with the layout (10 in SIMS).
        discriminator_weight: factor of the discriminator's loss (pix2pix: 0.5).
    """

    def __init__(
        self,
        adversarial: AdversarialLoss | None = None,
        *,
        adversarial_weight: float = 1.0,
        feature_matching: float = 0.0,
        perceptual: PerceptualLoss | None = None,
        l1: float = 0.0,
        mse: float = 0.0,
        phi_l2: float = 0.0,
        kl: float = 0.0,
        class_cross_entropy: float = 0.0,
        discriminator_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.adversarial = adversarial
        self.adversarial_weight = adversarial_weight
        self.feature_matching = feature_matching if adversarial is not None else 0.0
        self.perceptual = perceptual
        self.l1, self.mse, self.phi_l2, self.kl = l1, mse, phi_l2, kl
        self.class_cross_entropy = class_cross_entropy
        self.discriminator_weight = discriminator_weight
        if adversarial is None and perceptual is None and not (l1 or mse):
            raise ValueError(
                "the objective has no term that sees the image: set adversarial, perceptual, l1 or mse"
            )

    @property
    def minimum_size(self) -> int:
        """Least height and width of the images that it can compare."""
        return self.perceptual.minimum_size if self.perceptual is not None else 1

    @property
    def needs_discriminator(self) -> bool:
        """Whether training needs a discriminator at all."""
        return self.adversarial is not None

    @property
    def needs_real_features(self) -> bool:
        """Whether the generator's step needs the discriminator's features of real images."""
        return self.feature_matching > 0

    def generator_terms(
        self,
        image: Tensor,
        photo: Tensor,
        *,
        fake: Features | None = None,
        real: Features | None = None,
        extras: dict[str, Tensor] | None = None,
        planes: Tensor | None = None,
    ) -> Terms:
        """The generator's weighted terms.

        Args:
            image: generated images (B, 3, H, W) in [-1, 1].
            photo: the real ones.
            fake: the discriminator's features of the generated images.
            real: its features of the real ones, for feature matching.
            extras: what else the generator returned (``phi``, ``mu``, ``logvar``, ``images``,
                ``class_logits``).
            planes: the dense condition, for CRN's diversity loss on ``images`` and for the classes.

        Raises:
            UserError: classes are to be compared, and the generator has no head of them.
        """
        extras = extras or {}
        terms: Terms = {}
        if self.adversarial is not None and fake is not None:
            terms["adversarial"] = self.adversarial_weight * over_scales(self.adversarial.generator, fake)
            if self.needs_real_features:
                if real is None:
                    raise ValueError("feature matching needs the discriminator's features of the real images")
                terms["feature_matching"] = self.feature_matching * feature_matching(fake, real)
        if self.perceptual is not None:
            terms |= self._perceptual_terms(image, photo, extras, planes)
        if self.l1:
            terms["l1"] = self.l1 * F.l1_loss(image, photo)
        if self.mse:
            terms["mse"] = self.mse * F.mse_loss(image, photo)
        if self.phi_l2 and "phi" in extras:
            terms["phi_l2"] = self.phi_l2 * extras["phi"].square().mean()
        if self.kl and "mu" in extras:
            terms["kl"] = self.kl * kl_divergence(extras["mu"], extras["logvar"])
        if self.class_cross_entropy:
            terms["classes"] = self.class_cross_entropy * self._classes_term(extras, planes)
        return terms | self._more_terms(photo, extras)

    def _more_terms(self, photo: Tensor, extras: dict[str, Tensor]) -> Terms:
        """The terms of one system alone."""
        return {}

    def _classes_term(self, extras: dict[str, Tensor], planes: Tensor | None) -> Tensor:
        if "class_logits" not in extras:
            raise UserError(
                f"loss.class_cross_entropy={self.class_cross_entropy}: the generator has no head of classes; "
                "use generator=sims on label maps, or 0"
            )
        if planes is None:
            raise ValueError("the head of classes is compared with the dense condition, and there is none")
        return class_cross_entropy(extras["class_logits"], planes)

    def _perceptual_terms(
        self, image: Tensor, photo: Tensor, extras: dict[str, Tensor], planes: Tensor | None
    ) -> Terms:
        assert self.perceptual is not None
        images = extras.get("images")
        if images is None:
            return {"perceptual": self.perceptual(image, photo)}
        if not isinstance(self.perceptual, ContentLoss) or planes is None:
            raise ValueError(
                "a generator of several images needs the content loss (loss=crn) and label planes"
            )
        return {"perceptual": self.perceptual.of_many(images, photo, planes)}

    def discriminator_terms(self, fake: Features, real: Features) -> Terms:
        """The discriminator's weighted terms on generated and real images."""
        if self.adversarial is None:
            raise ValueError("this objective has no adversarial term, hence no discriminator loss")
        return {
            "fake": self.discriminator_weight * over_scales(self.adversarial.fake, fake),
            "real": self.discriminator_weight * over_scales(self.adversarial.real, real),
        }
