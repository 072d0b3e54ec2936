"""Windows: every box at one size; maps of the window and of the picture are the same map."""

import torch

from asap_lightning.models.sims.affine import composed, inverted, warped
from asap_lightning.models.sims.window import box_of, in_picture, in_window, nearest, seen, window_about


def test_a_box_fills_two_thirds_of_its_window_whatever_its_size():
    picture = torch.zeros(2, 1, 60, 80)
    picture[0, :, 10:40, 20:30] = 1
    picture[1, :, 5:21, 40:72] = 1
    boxes = torch.stack([box_of(one[0]) for one in picture])
    assert boxes.tolist() == [[20, 10, 29, 39], [40, 5, 71, 20]]
    window = window_about(boxes, 36, 60, 80)
    for one in seen(picture, window, 36):
        inside = (one[0] > 0.5).nonzero()
        assert inside.amin(0).tolist() == [6, 6] and inside.amax(0).tolist() == [29, 29]


def test_a_small_box_has_a_window_of_twelve_pixels():
    window = window_about(torch.tensor([[4.0, 4.0, 5.0, 5.0]]), 12, 40, 40)
    assert torch.allclose(window[0, :, :2], torch.eye(2))


def test_maps_of_window_and_picture_are_inverse_and_do_the_same():
    torch.manual_seed(0)
    picture = torch.nn.functional.avg_pool2d(torch.rand(1, 3, 60, 80), 5, 1, 2)
    window = window_about(torch.tensor([[20.0, 15.0, 49.0, 40.0]]), 48, 60, 80)
    theta = torch.tensor([[[1.05, 0.02, 3.0], [-0.03, 0.95, -2.0]]])
    assert torch.allclose(in_picture(in_window(theta, window), window), theta, atol=1e-4)
    identity = torch.eye(2, 3)[None]
    assert torch.allclose(composed(theta, inverted(theta)), identity, atol=1e-5)
    outside = seen(warped(picture, theta), window, 48)
    inside = seen(picture, composed(theta, window), 48)
    within = warped(seen(picture, window, 48), in_window(theta, window))
    assert (outside - inside).abs().mean() < 0.01
    assert (within - inside)[..., 8:-8, 8:-8].abs().mean() < 0.01


def test_ids_are_the_nearest_and_minus_one_outside():
    label = (torch.arange(16 * 16).reshape(1, 1, 16, 16) % 7).float()
    window = window_about(torch.tensor([[0.0, 0.0, 15.0, 15.0]]), 24, 16, 16)
    ids = nearest(label, window, 24)
    assert torch.equal(ids[0, 4:20, 4:20], label[0, 0])
    assert (ids[0, :4] == -1).all() and (ids[0, :, 20:] == -1).all()
