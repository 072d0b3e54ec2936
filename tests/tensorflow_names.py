"""Weights of our networks as the authors' programs in TensorFlow keep them; apart from what reads them."""

import numpy as np
from torch import nn

NORMS = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def stored(layer, scope):
    """A layer's variables as TensorFlow keeps them."""
    if isinstance(layer, nn.BatchNorm2d):
        own = {scope + NORMS[k]: v for k, v in layer.state_dict().items() if k in NORMS and k != "weight"}
        return {name: value.numpy() for name, value in own.items()}
    if isinstance(layer, nn.GroupNorm):
        return {scope + "gamma": layer.weight.detach().numpy(), scope + "beta": layer.bias.detach().numpy()}
    weight = layer.weight.detach().numpy()
    weight = weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight.T
    bias = {} if layer.bias is None else {scope + "biases": layer.bias.detach().numpy()}
    return {scope + "weights": weight, **bias}


def hdrnet_variables(network):
    """By hdrnet/models.py and layers.py of the authors' program."""
    made = {}

    def add(layers, scope):
        for module in layers.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                made.update(stored(module, f"inference/{scope}/"))
            elif isinstance(module, nn.BatchNorm2d):
                made.update(stored(module, f"inference/{scope}/BatchNorm/"))

    inner, guide = network.coefficients, network.guide
    for index, layer in enumerate(inner.splat):
        add(layer, f"coefficients/splat/conv{index + 1}")
    for index in (0, 1):
        add(inner.globally[index], f"coefficients/global/conv{index + 1}")
        add(inner.local[index], f"coefficients/local/conv{index + 1}")
        add(inner.linear[index], f"coefficients/global/fc{index + 1}")
    add(inner.linear[2], "coefficients/global/fc3")
    add(inner.to_grid, "coefficients/prediction/conv1")
    if hasattr(guide, "shifts"):
        curves = {name: value.detach().numpy() for name, value in guide.named_parameters()}
        made |= guide_variables(curves)
    else:
        add(guide.layers[:2], "guide/conv1")
        add(guide.layers[3], "guide/conv2")
    return made


def guide_variables(curves):
    names = {"matrix": "ccm", "offset": "ccm_bias", "mix": "mix_weight", "bias": "mix_bias"}
    curves = {names.get(name, name): np.asarray(value) for name, value in curves.items()}
    made = {"ccm": curves["ccm"], "ccm_bias": curves["ccm_bias"], "shifts": curves["shifts"][None, None]}
    made |= {"slopes": curves["slopes"][None, None, None]}
    made |= {"channel_mixing/weights": curves["mix_weight"][None, None, :, None]}
    made |= {"channel_mixing/biases": curves["mix_bias"][None]}
    return {f"inference/guide/{name}": value for name, value in made.items()}


def crn_variables(network, rows):
    """By demo_256p.py of the authors' program."""
    made = {}
    for module, count in zip(network.refine, rows, strict=True):
        for layer in (1, 2):
            made |= stored(getattr(module, f"conv{layer}"), f"g_{count}_conv{layer}/")
            made |= stored(getattr(module, f"norm{layer}"), f"g_{count}_conv{layer}/LayerNorm/")
    return made | stored(network.to_image, f"g_{rows[-1]}_conv100/")
