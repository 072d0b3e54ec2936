"""Mean and covariance of features, summed up as images pass by, and the distance of two such.

Axes: B batch, D features.
"""

from __future__ import annotations

import torch
from torch import Tensor

from asap_lightning.errors import Unavailable
from asap_lightning.metrics.features.networks import FeatureNetwork
from asap_lightning.metrics.metric import Outcome
from asap_lightning.metrics.pairs import Pairs
from asap_lightning.metrics.processes import summed
from asap_lightning.metrics.refusals import require_finite


class Moments:
    """Number, sum and sum of products of features: all that mean and covariance need, in float64.

    Args:
        dimension: D.
    """

    def __init__(self, dimension: int) -> None:
        self.count = torch.zeros((), dtype=torch.float64)
        self.sum = torch.zeros(dimension, dtype=torch.float64)
        self.products = torch.zeros(dimension, dimension, dtype=torch.float64)

    def add(self, features: Tensor) -> None:
        """Takes features (B, D)."""
        # A device without float64 (mps) leaves the sums to the CPU.
        features = features.to(self._home(features)).double()
        if self.sum.device != features.device:
            self.sum, self.products = self.sum.to(features.device), self.products.to(features.device)
        self.count += len(features)
        self.sum += features.sum(0)
        self.products.addmm_(features.T, features)

    @staticmethod
    def _home(features: Tensor) -> torch.device:
        return features.device if features.device.type == "cuda" else torch.device("cpu")

    def gather(self) -> None:
        """Adds up all processes'."""
        self.count, self.sum, self.products = summed(self.count), summed(self.sum), summed(self.products)

    def mean_and_covariance(self) -> tuple[Tensor, Tensor]:
        """(D,) and (D, D), the covariance divided by n - 1; on the CPU."""
        count, total, products = self.count.cpu(), self.sum.cpu(), self.products.cpu()
        mean = total / count
        return mean, (products - count * torch.outer(mean, mean)) / (count - 1)


class FeatureSums:
    """A state: the moments of the features of generated images and of photos."""

    def __init__(self, network: FeatureNetwork) -> None:
        self.network = network
        self.generated, self.real = Moments(network.dimension), Moments(network.dimension)

    def update(self, pairs: Pairs) -> None:
        """Describes and adds up."""
        for images, moments in ((pairs.generated, self.generated), (pairs.photo, self.real)):
            if images is not None:
                moments.add(require_finite(self.network(images), images.names))

    def gather(self) -> None:
        """Adds up all processes'."""
        self.generated.gather()
        self.real.gather()

    def distance(self) -> Outcome:
        """The Frechet distance, with a warning where there are fewer images than features.

        Raises:
            Unavailable: features so large that their covariance is not finite.
        """
        moments = (*self.generated.mean_and_covariance(), *self.real.mean_and_covariance())
        try:
            value = frechet_distance(*moments)
        except torch.linalg.LinAlgError as error:
            raise Unavailable(f"the features' covariance has no eigenvalues: {error}") from error
        images, dimension = int(min(self.generated.count, self.real.count)), self.network.dimension
        few = (
            f"{images} images for {dimension} features: the covariance has no full rank, and the distance is "
            "larger than that of more images would be; compare it with distances of as many images alone"
        )
        return Outcome(value, warnings=[few] if images <= dimension else [])


def frechet_distance(mean_a: Tensor, covariance_a: Tensor, mean_b: Tensor, covariance_b: Tensor) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), of two normal distributions (Dowson, Landau 1982).

    The eigenvalues of C_a C_b are those of the symmetric C_a^(1/2) C_b C_a^(1/2), so no root of an asymmetric
    matrix is taken and nothing imaginary is thrown away.

    Args:
        mean_a: (D,) float64.
        covariance_a: (D, D).
        mean_b: (D,).
        covariance_b: (D, D).
    """
    values, vectors = _eigen(covariance_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    inner = _eigen(root @ covariance_b @ root)[0].clamp(min=0).sqrt().sum()
    apart = (mean_a - mean_b).square().sum()
    distance = apart + covariance_a.trace() + covariance_b.trace() - 2 * inner
    return max(0.0, float(distance))  # rounding may leave equal sets a hair below


def _eigen(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues and vectors of a symmetric matrix.

    Few images make a covariance with many eigenvalues of 0, where LAPACK's divide and conquer may give up;
    then the same matrix with its diagonal lifted by 1e-12 of its largest entry is taken, which moves no score
    that is printed.
    """
    try:
        return torch.linalg.eigh(matrix)
    except torch.linalg.LinAlgError:
        lift = 1e-12 * float(matrix.diagonal().abs().max())
        spread = torch.linspace(1, 2, len(matrix), dtype=matrix.dtype, device=matrix.device)
        return torch.linalg.eigh(matrix + torch.diag(lift * spread))
