"""FCN-8s beside the obvious computation of every layer, and its crops beside their geometry."""

import numpy as np
import pytest
import torch

from asap_lightning.models.segmenters.fcn import BORDER, CROP, CROP3, CROP4, VGG16, Fcn8s

STAGES = ((2, 1), (3, 2), (2, 1), (4, 1), (3, 1))


class Grid:
    """Where the entries of a layer lie in the image: entry i at first + i * step."""

    def __init__(self, first=0.0, step=1.0):
        self.first, self.step = first, step

    def conv(self, kernel, stride=1, padding=0):
        return Grid(self.first + ((kernel - 1) / 2 - padding) * self.step, self.step * stride)

    def up(self, kernel, stride):
        step = self.step / stride
        return Grid(self.first - (kernel - 1) / 2 * step, step)

    def offset_in(self, finer):
        assert self.step == finer.step
        return (self.first - finer.first) / self.step


def test_crops_put_equal_places_upon_each_other():
    grid, pools = Grid().conv(3, padding=BORDER), []
    for _, count in VGG16:
        first = not pools
        for _ in range(count - first):
            grid = grid.conv(3, padding=1)
        grid = grid.conv(2, stride=2)
        pools.append(grid)
    up = grid.conv(7).up(4, 2)
    up4 = up.up(4, 2)
    assert (up.offset_in(pools[3]), up4.offset_in(pools[2])) == (CROP4, CROP3)
    assert Grid().offset_in(up4.up(16, 8)) == CROP


def conv(x, layer, padding):
    weight, bias = layer.weight.double().numpy(), layer.bias.double().numpy()
    k = weight.shape[-1]
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    height, width = x.shape[1] - k + 1, x.shape[2] - k + 1
    y = np.broadcast_to(bias[:, None, None], (len(bias), height, width)).copy()
    for i in range(k):
        for j in range(k):
            y += np.einsum("oc,chw->ohw", weight[:, :, i, j], x[:, i : i + height, j : j + width])
    return y


def pool(x):
    rows, columns = -(-x.shape[1] // 2), -(-x.shape[2] // 2)
    return np.array(
        [
            [[c[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max() for j in range(columns)] for i in range(rows)]
            for c in x
        ]
    )


def up(x, layer, stride):
    weight = layer.weight.double().numpy()
    k = weight.shape[-1]
    y = np.zeros((weight.shape[1], (x.shape[1] - 1) * stride + k, (x.shape[2] - 1) * stride + k))
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            patch = np.einsum("i,iokl->okl", x[:, i, j], weight)
            y[:, i * stride : i * stride + k, j * stride : j * stride + k] += patch
    return y


def crop(x, offset, like):
    return x[:, offset : offset + like.shape[1], offset : offset + like.shape[2]]


def reference(network, image):
    """One image, a channel and a pixel at a time."""
    x, pools = image.double().numpy(), []
    for index, stage in enumerate(network.stages):
        layers = [layer for layer in stage if isinstance(layer, torch.nn.Conv2d)]
        for place, layer in enumerate(layers):
            x = np.maximum(conv(x, layer, 100 if index == place == 0 else 1), 0)
        x = pool(x)
        pools.append(x)
    x = np.maximum(conv(x, network.dense[0], 0), 0)
    x = np.maximum(conv(x, network.dense[2], 0), 0)
    x = up(conv(x, network.score, 0), network.up, 2)
    x = x + crop(conv(pools[3], network.score4, 0), 5, x)
    x = up(x, network.up4, 2)
    x = x + crop(conv(pools[2], network.score3, 0), 9, x)
    return crop(up(x, network.up3, 8), 31, image)


@pytest.mark.parametrize("size", [(8, 8), (13, 30)])
def test_every_layer_is_what_it_says(size):
    network = Fcn8s(4, stages=STAGES, hidden=5)
    image = torch.randn(1, 3, *size)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.4)
        scores = network(image)[0]
        expected = reference(network, image[0])
    assert scores.shape == (4, *size)
    np.testing.assert_allclose(scores.numpy(), expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (64, 31)])
def test_scores_have_the_images_size(size):
    with torch.no_grad():
        assert Fcn8s(3, stages=STAGES, hidden=2)(torch.zeros(2, 3, *size)).shape == (2, 3, *size)
