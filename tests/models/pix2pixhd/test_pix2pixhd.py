import pytest
import torch

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import Pix2pixHDGenerator
from asap_lightning.models.layers import SpectralNorm, spectral_norm
from asap_lightning.models.pix2pixhd import fit_clusters, instance_average, kmeans

SPEC = ConditionSpec(num_classes=3)


def generator(**settings):
    return Pix2pixHDGenerator(SPEC, **{**dict(width=2, downs=1, blocks=1), **settings})


def labels(batch=1, size=16):
    label = torch.randint(3, (batch, size, size))
    return Condition(label=label, instance=label * 1000 + torch.randint(2, label.shape))


def test_instance_average_is_the_mean_of_each_image_and_instance():
    features, instance = torch.randn(2, 3, 5, 4), torch.randint(-2, 3, (2, 5, 4))
    found = instance_average(features, instance)
    for b in range(2):
        for number in instance[b].unique():
            inside = instance[b] == number
            mean = features[b][:, inside].mean(1, keepdim=True)
            assert torch.allclose(found[b][:, inside], mean.expand(-1, int(inside.sum())), atol=1e-6)


def test_instance_average_is_differentiable():
    features = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    instance = torch.randint(2, (1, 3, 3))
    assert torch.autograd.gradcheck(lambda x: instance_average(x, instance), features)


@pytest.mark.parametrize("enhancers", [0, 1, 2])
def test_enhancers_double_the_resolution(enhancers):
    network = generator(enhancers=enhancers)
    seen = []
    network.coarse.register_forward_hook(lambda *a: seen.append(a[1][0].shape[-2:]))
    assert network(labels(size=32)).image.shape[-2:] == (32, 32)
    assert seen == [(32 >> enhancers, 32 >> enhancers)]


def test_the_global_net_can_be_frozen():
    network = generator(enhancers=1)
    network.freeze_coarse()
    network(labels()).image.sum().backward()
    assert all(p.grad is None for p in network.coarse.parameters())
    assert all(p.grad is not None for p in network.enhancers.parameters())
    network.freeze_coarse(False)
    assert all(p.requires_grad for p in network.parameters())


def test_plus_plus_normalises_every_convolution_but_the_last():
    network = generator(bias=False, weight_norm=spectral_norm)
    normalised = [m for m in network.modules() if isinstance(m, SpectralNorm)]
    assert len(normalised) == 1 + 1 + 2 + 1
    assert network.coarse.up[0].conv.parametrizations.weight[0].u.shape == (2,)


def test_kmeans_finds_separated_clusters():
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = centres.repeat_interleave(20, 0) + 0.1 * torch.randn(60, 2)
    found = kmeans(points, 3, generator=torch.Generator().manual_seed(0))
    assert torch.cdist(centres, found).amin(1).max() < 0.2
    assert kmeans(points[:2], 5).shape == (2, 2)
    assert kmeans(torch.zeros(4, 2), 3).shape == (3, 2)


def test_features_come_from_style_guide_or_clusters():
    network = generator(features=2, encoder_width=2, encoder_downs=1, clusters=4).eval()
    given = labels()
    with pytest.raises(ValueError, match="instance features are missing"):
        network(given)
    photo = torch.rand(1, 3, 16, 16) * 2 - 1
    given.guide = photo
    with torch.no_grad():
        guided = network(given)
        again = network(
            Condition(label=given.label, instance=given.instance, style=guided.extras["features"])
        )
    assert torch.equal(guided.image, again.image)

    fit_clusters(network, [(labels(batch=2), torch.rand(2, 3, 16, 16)) for _ in range(3)])
    assert network.clusters.counts.tolist() == [4, 4, 4]
    given.guide = None
    with torch.no_grad():
        features = network(given).extras["features"]
    for number in given.instance.unique():
        assert features[0][:, given.instance[0] == number].unique(dim=1).shape[1] == 1
    first = network.clusters.sample(given.label, given.instance, choice=0)
    for number in range(3):
        expected = network.clusters.centres[number, 0]
        assert torch.equal(first[0][:, given.label[0] == number].T[0], expected)
    restored = generator(features=2, encoder_width=2, encoder_downs=1, clusters=4)
    restored.load_state_dict(network.state_dict())
    assert restored.clusters.fitted
