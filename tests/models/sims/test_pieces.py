"""The alignment network, and the order network: shapes, what they begin as, gradients."""

import torch

from asap_lightning.models.sims import AlignmentNetwork, OrderNetwork
from asap_lightning.models.sims.affine import IDENTITY


def test_an_untrained_alignment_leaves_pieces_where_they_are():
    torch.manual_seed(0)
    network = AlignmentNetwork(3, width=2)
    theta = network(torch.randn(2, 4, 20, 30), torch.ones(2, 1, 20, 30), torch.rand(2, 3, 20, 30))
    assert torch.equal(theta, torch.tensor(IDENTITY).reshape(1, 2, 3).expand(2, 2, 3))


def test_both_are_trained_throughout():
    torch.manual_seed(0)
    align, order = AlignmentNetwork(3, width=2), OrderNetwork(3, width=2)
    torch.nn.init.normal_(align.to_map.weight)
    piece, layout = torch.randn(2, 4, 40, 70), torch.rand(2, 3, 40, 70)
    region = (torch.rand(2, 1, 40, 70) > 0.5).float()
    made = {
        "alignment": (align, align(piece, region, layout), (2, 2, 3)),
        "order": (order, order(piece[:, :3] * region, piece[:, :3] * (1 - region), layout), (2, 3)),
    }
    for name, (network, output, shape) in made.items():
        assert output.shape == shape
        (output * torch.randn_like(output)).sum().backward()
        for key, parameter in network.named_parameters():
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), (name, key)
            if parameter.dim() > 1:
                assert parameter.grad.abs().sum() > 0, (name, key)


def test_dropout_is_trainings_alone():
    torch.manual_seed(0)
    network = OrderNetwork(3, width=2)
    given = [torch.randn(1, 3, 32, 32) for _ in range(3)]
    assert not torch.equal(network(*given), network(*given))
    assert torch.equal(network.eval()(*given), network(*given))


def test_of_two_pieces_the_one_whose_class_scores_higher_is_in_front(monkeypatch):
    network = OrderNetwork(3, width=1).eval()
    monkeypatch.setattr(network, "forward", lambda *given: torch.tensor([[9.0, 1.0, 2.0]]).expand(3, 3))
    planes = torch.zeros(3, 3, 32, 32)
    classes = torch.tensor([1, 2, 0]), torch.tensor([2, 1, 1])
    assert network.first_in_front(planes, planes, planes, classes).tolist() == [False, True, True]
