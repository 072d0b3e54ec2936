"""Replays a recording of an authors' program on our networks.

A recording is a ``.pt`` file with ``state_dict``, ``inputs`` and ``outputs``, and a JSON file beside it that
says which system made it and with which settings. Every function here takes a `Recording` and returns our
outputs under the recording's names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning import losses, ops
from asap_lightning.condition import Condition, ConditionSpec, instance_edges
from asap_lightning.errors import UserError
from asap_lightning.interop.formula_weights import formula_weights
from asap_lightning.interop.inferred import InferredNetwork, Options, State
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.replay_cocosnet import (
    correspondence_outputs,
    patch_match_outputs,
    translation_outputs,
)
from asap_lightning.interop.systems import (
    asapnet,
    ccfpse,
    cocosnet,
    hdrnet,
    multiscale,
    pix2pix,
    pix2pixhd,
    segmenters,
    singan,
    spade,
)
from asap_lightning.interop.systems.common import flag
from asap_lightning.losses.adversarial import over_scales
from asap_lightning.models.segmenters.drn import bilinear_kernel
from asap_lightning.singan.resize import imresize
from asap_lightning.untrusted import load_torch, read_json, without_wrappers

Outputs = dict[str, Tensor]
ADVERSARIAL = {
    "hinge": losses.HingeLoss,
    "ls": losses.LeastSquaresLoss,
    "original": losses.CrossEntropyLoss,
    "w": losses.WassersteinLoss,
}


@dataclass(frozen=True)
class Recording:
    """One recording.

    Attributes:
        path: of the ``.pt`` file.
        settings: the JSON beside it.
        state: weights under the authors' names.
        inputs: what their program was given.
        outputs: what it answered.
    """

    path: Path
    settings: dict[str, Any]
    state: State
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]

    @property
    def system(self) -> str:
        """What made the recording, in lower case."""
        return str(self.settings.get("system", self.path.stem)).lower()


def read_recording(path: Path) -> Recording:
    """Reads a recording and the JSON beside it.

    Raises:
        UserError: a file is missing, corrupt, or no recording.
    """
    content = load_torch(path)
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}, expected a dictionary of weights")
    described = path.with_suffix(".json")
    if not described.is_file():
        raise UserError(f"{described} is missing: it says which system and settings made {path.name}")
    settings = read_json(described)
    if not isinstance(settings, dict):
        raise UserError(f"{described} must hold an object of settings, found a {type(settings).__name__}")
    absent = [part for part in ("state_dict", "inputs", "outputs") if not isinstance(content.get(part), dict)]
    if absent:
        raise UserError(f"{path} is not a recording: it has no {', '.join(absent)}")
    state = without_wrappers(content["state_dict"], path)
    if not state and "state_dict_entries" in settings:
        state = formula_weights(settings, _constructed(settings), str(described))
    return Recording(path, settings, state, content["inputs"], content["outputs"])


def _constructed(settings: Options) -> dict[str, Tensor]:
    """What a formula leaves as the authors' program constructed it: DRN's fixed upsampling."""
    classes = settings.get("classes")
    return {"up.weight": bilinear_kernel(8).expand(classes, 1, 16, 16)} if isinstance(classes, int) else {}


def _loaded(
    recording: Recording, description: InferredNetwork, names: Callable[[Any], NameMap], hint: str = ""
) -> Any:
    """The described network with the recording's weights, in the recorded mode."""
    network: nn.Module = description.sketch(recording.state)
    names(network).load(network, recording.state, recording.path.name, hint)
    mode = str(recording.settings.get("mode", "eval")).lower()
    return network.train(mode.startswith("train"))


def options_of(recording: Recording) -> dict[str, Any]:
    """The settings, completed by what the inputs show: instances, continuous conditions."""
    options = dict(recording.settings)
    options["instance_edges"] = "instance" in recording.inputs
    label = recording.inputs.get("label")
    planes = label is not None and label.is_floating_point() and label.shape[1] > 1
    options["one_hot"] = flag(options, "one_hot", default=True) and not planes
    return options


def condition_of(recording: Recording, spec: ConditionSpec) -> Condition:
    """The recorded inputs as a condition; an id of 255 is the unknown class."""
    inputs = recording.inputs
    instance = inputs["instance"].squeeze(1) if "instance" in inputs else None
    if spec.kind != "label":
        image = next(inputs[name] for name in ("label", "image", "x", "input") if name in inputs)
        return Condition(image=image.float(), instance=instance)
    label = inputs["label"].squeeze(1).long()
    if spec.has_unknown:
        label = torch.where(label == 255, spec.label_channels - 1, label)
    return Condition(label=label, instance=instance)


def _spec(description: InferredNetwork) -> ConditionSpec:
    if description.spec is None:
        raise ValueError("this network takes no condition")
    return description.spec


def replay_asapnet(recording: Recording) -> Outputs:
    """ASAP-Net's generator, with what it computes on the way."""
    description = asapnet.infer(recording.state, options_of(recording))
    generator = _loaded(recording, description, asapnet.names, asapnet.HINT)
    generator.backend = "reference"  # the authors' order of operations; the fast ones are tested against it
    condition = condition_of(recording, _spec(description))
    phi = generator.predict_phi(condition)
    outputs = {
        "lowres_input": generator.lowres_input(condition),
        "phi": phi,
        "image": generator(condition).image,
        "positional_encoding": ops.positional_encoding(generator.tile).unsqueeze(0),
    }
    if condition.instance is not None:
        outputs["edges"] = instance_edges(condition.instance).float()
    return outputs


def replay_spade(recording: Recording) -> Outputs:
    """SPADE's generator, with and without style."""
    options = options_of(recording)
    description = spade.infer(recording.state, options)
    generator = _loaded(recording, description, spade.names, spade.HINT)
    planes = _spec(description).encode(condition_of(recording, _spec(description)))
    grid = spade.latent_grid(options, generator.upsampling)
    return {"image": generator.synthesize(planes, grid, recording.inputs.get("z"))}


def replay_ccfpse(recording: Recording) -> Outputs:
    """CC-FPSE's generator."""
    options = options_of(recording)
    description = ccfpse.infer(recording.state, options)
    generator = _loaded(recording, description, ccfpse.names, ccfpse.HINT)
    planes = _spec(description).encode(condition_of(recording, _spec(description)))
    return {"image": generator.synthesize(planes, spade.latent_grid(options, generator.upsampling))}


def replay_ccfpse_discriminator(recording: Recording) -> Outputs:
    """CC-FPSE's discriminator: the bottom-up features, finest first, and a prediction a level."""
    description = ccfpse.infer_discriminator(recording.state, recording.settings)
    judge = _loaded(recording, description, ccfpse.discriminator_names)
    levels = judge(recording.inputs["segmap"], recording.inputs["image"])
    features = [feature for level in levels for feature in level[:-1]]
    outputs = {f"feature{index}": feature for index, feature in enumerate(features)}
    return outputs | {f"prediction{index}": level[-1] for index, level in enumerate(levels)}


def replay_hdrnet_coefficients(recording: Recording) -> Outputs:
    """HDRNet's coefficient network; its grid is recorded (B, h, w, D, O, K)."""
    recording = replace(recording, state=hdrnet.in_torch_layout(recording.state))
    description = hdrnet.infer_coefficients(recording.state, recording.settings)
    network = _loaded(recording, description, hdrnet.coefficient_names)
    small = recording.inputs["lowres"].permute(0, 3, 1, 2)
    splat, summary, fusion = network.features(small)
    grid = network(small).permute(0, 4, 5, 3, 2, 1)
    return {"splat": splat, "global": summary, "fusion": fusion, "grid": grid}


def replay_hdrnet_guide(recording: Recording) -> Outputs:
    """HDRNet's guide of curves; images are recorded channels last."""
    recording = replace(recording, state=hdrnet.in_torch_layout(recording.state))
    guide = _loaded(recording, hdrnet.infer_guide(recording.state, recording.settings), hdrnet.guide_names)
    image = recording.inputs["image"].permute(0, 3, 1, 2)
    transformed = guide.transformed(image)
    curved = guide.curved(transformed)
    return {
        "after_ccm": transformed.permute(0, 2, 3, 1),
        "after_curve": curved.permute(0, 2, 3, 1),
        "guide": guide(image),
    }


def replay_hdrnet_slice(recording: Recording) -> Outputs:
    """HDRNet's operators: the grid is recorded (B, h, w, D, O, K), images channels last."""
    grid = recording.inputs["grid"].permute(0, 5, 4, 3, 1, 2)
    guide, image = recording.inputs["guide"], recording.inputs["image"].permute(0, 3, 1, 2)
    sliced, applied = ops.bilateral_slice(grid, guide), ops.bilateral_slice_apply(grid, guide, image)
    return {"sliced": sliced.permute(0, 3, 4, 2, 1), "output": applied.permute(0, 2, 3, 1)}


def replay_spade_encoder(recording: Recording) -> Outputs:
    """SPADE's image encoder."""
    description = spade.infer_encoder(recording.state, recording.settings)
    encoder = _loaded(recording, description, spade.encoder_names)
    mu, logvar = encoder(recording.inputs["image"])
    return {"mu": mu, "logvar": logvar}


def replay_pix2pixhd(recording: Recording) -> Outputs:
    """pix2pixHD's global or local generator on dense planes."""
    description = pix2pixhd.infer(recording.state, {**recording.settings, "one_hot": False})
    generator = _loaded(recording, description, pix2pixhd.names, pix2pixhd.HINT)
    return {"image": generator.translate(recording.inputs["x"])}


def replay_pix2pixhd_encoder(recording: Recording) -> Outputs:
    """pix2pixHD's feature encoder."""
    description = pix2pixhd.infer_encoder(recording.state, recording.settings)
    encoder = _loaded(recording, description, pix2pixhd.encoder_names)
    return {"features": encoder(recording.inputs["image"], recording.inputs["instance"])}


def replay_pix2pix(recording: Recording) -> Outputs:
    """pix2pix's generators on dense planes."""
    options = {"mode": "eval", **recording.settings}
    description = pix2pix.infer(recording.state, options)
    generator = _loaded(
        recording, description, lambda network: pix2pix.names(network, recording.state), pix2pix.HINT
    )
    x = recording.inputs["x"]
    return {"y": generator.translate(x) if hasattr(generator, "translate") else generator.network(x)}


def _judged(features: list[list[Tensor]]) -> Outputs:
    return {
        f"scale{scale}_layer{layer}": feature
        for scale, layers in enumerate(features)
        for layer, feature in enumerate(layers)
    }


def replay_multiscale(recording: Recording) -> Outputs:
    """SPADE's and ASAP-Net's discriminator on condition and image concatenated."""
    description = multiscale.infer(recording.state, recording.settings)
    return _judged(_loaded(recording, description, multiscale.names).judge(recording.inputs["x"]))


def replay_pix2pixhd_discriminator(recording: Recording) -> Outputs:
    """pix2pixHD's discriminator on condition and image concatenated."""
    description = pix2pixhd.infer_discriminator(recording.state, recording.settings)
    judge = _loaded(recording, description, pix2pixhd.discriminator_names)
    return _judged(judge.judge(recording.inputs["x"]))


def replay_patchgan(recording: Recording) -> Outputs:
    """pix2pix's PatchGAN of any receptive field."""
    description = pix2pix.infer_patchgan(recording.state, recording.settings)
    judge = _loaded(recording, description, pix2pix.patchgan_names)
    return {"y": judge.judge(recording.inputs["x"])[0][-1]}


def replay_pixelgan(recording: Recording) -> Outputs:
    """pix2pix's PixelGAN."""
    description = pix2pix.infer_pixelgan(recording.state, recording.settings)
    judge = _loaded(recording, description, pix2pix.pixelgan_names)
    return {"y": judge.judge(recording.inputs["x"])[0][-1]}


def replay_singan_generator(recording: Recording) -> Outputs:
    """One scale of SinGAN's generator."""
    description = singan.infer_generator(recording.state, recording.settings)
    generator = _loaded(recording, description, singan.names)
    return {"image": generator(recording.inputs["noise"], recording.inputs["prev"])}


def replay_singan_discriminator(recording: Recording) -> Outputs:
    """One scale of SinGAN's discriminator."""
    description = singan.infer_discriminator(recording.state, recording.settings)
    return {"y": _loaded(recording, description, singan.names)(recording.inputs["x"])}


def replay_imresize(recording: Recording) -> Outputs:
    """SinGAN's resizing."""
    settings: Options = recording.settings
    size = settings.get("output_shape") or settings.get("size")
    if size is not None:
        return {"y": imresize(recording.inputs["x"], size=(int(size[-2]), int(size[-1])))}
    scale = settings.get("scale", settings.get("scale_factor"))
    if scale is None and "y" in recording.outputs:
        height, width = recording.outputs["y"].shape[-2:]
        return {"y": imresize(recording.inputs["x"], size=(height, width))}
    return {"y": imresize(recording.inputs["x"], scale)}


def _features(inputs: dict[str, Tensor], which: str) -> list[list[Tensor]]:
    found: dict[int, dict[int, Tensor]] = {}
    for name, tensor in inputs.items():
        if match := re.fullmatch(rf"pred_{which}_(\d+)_(\d+)", name):
            found.setdefault(int(match[1]), {})[int(match[2])] = tensor
    return [[layers[i] for i in sorted(layers)] for _, layers in sorted(found.items())]


def replay_losses(recording: Recording) -> Outputs:
    """Every loss whose name is recorded."""
    fake, real = _features(recording.inputs, "fake"), _features(recording.inputs, "real")
    outputs: Outputs = {}
    for name, loss in ADVERSARIAL.items():
        objective = loss()
        outputs[f"{name}_D_fake"] = over_scales(objective.fake, fake)
        outputs[f"{name}_D_real"] = over_scales(objective.real, real)
        outputs[f"{name}_G"] = over_scales(objective.generator, fake)
    for name in recording.outputs:
        if match := re.fullmatch(r"feature_matching(?:_lambda([\d.]+))?", name):
            outputs[name] = float(match[1] or 1) * losses.feature_matching(fake, real)
    if "mu" in recording.inputs:
        outputs["kld"] = losses.kl_divergence(recording.inputs["mu"], recording.inputs["logvar"])
    return outputs


def replay_cocosnet_patch_match(recording: Recording) -> Outputs:
    """CoCosNet v2's PatchMatch, with every step."""
    description = cocosnet.infer_patch_match(recording.state, recording.settings)
    network = _loaded(recording, description, cocosnet.patch_match_names)
    return patch_match_outputs(network, recording.inputs, recording.settings)


def replay_cocosnet_correspondence(recording: Recording) -> Outputs:
    """CoCosNet v2's pyramid, level by level."""
    description = cocosnet.infer_correspondence(recording.state, recording.settings)
    network = _loaded(recording, description, cocosnet.correspondence_names)
    return correspondence_outputs(network, recording.inputs, recording.outputs, recording.settings)


def replay_cocosnet_translation(recording: Recording) -> Outputs:
    """CoCosNet v2's translation network on recorded warps."""
    description = cocosnet.infer_translation(recording.state, recording.settings)
    return translation_outputs(_loaded(recording, description, cocosnet.translation_names), recording.inputs)


def replay_cocosnet_discriminator(recording: Recording) -> Outputs:
    """CoCosNet v2's discriminator on condition and image concatenated."""
    description = multiscale.infer(recording.state, {**recording.settings, "padding": 1})
    return _judged(_loaded(recording, description, multiscale.names).judge(recording.inputs["x"]))


def replay_drn(recording: Recording) -> Outputs:
    """DRN on images that are normalised already."""
    network = _loaded(recording, segmenters.infer_drn(recording.state, {}), segmenters.drn_names)
    x = recording.inputs["x"]
    return {"log_probability": network(x), "scores_low": network.scores(x)}


def replay_deeplab(recording: Recording) -> Outputs:
    """DeepLab v2, at each scale and the largest of all."""
    description = segmenters.infer_deeplab(recording.state, recording.settings)
    network = _loaded(recording, description, segmenters.deeplab_names)
    x = recording.inputs["x"]
    outputs = {"logits_max": network(x), "logits_100": network.logits(x)}
    for scale in network.scales:
        smaller = F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
        outputs[f"logits_{round(100 * scale)}"] = network.logits(smaller)
    return outputs


def replay_upernet(recording: Recording) -> Outputs:
    """UPerNet: probabilities at the size asked for, log-probabilities at a quarter."""
    description = segmenters.infer_upernet(recording.state, recording.settings)
    network = _loaded(recording, description, segmenters.upernet_names)
    logits = network(recording.inputs["x"])
    height, width = recording.settings["segSize"]
    resized = F.interpolate(logits, size=(height, width), mode="bilinear", align_corners=False)
    return {"probability": resized.softmax(1), "log_probability": logits.log_softmax(1)}


REPLAYS: tuple[tuple[str, Callable[[Recording], Outputs]], ...] = (
    (r"loss", replay_losses),
    (r"cocosnet.*patch-?match", replay_cocosnet_patch_match),
    (r"cocosnet.*correspondence", replay_cocosnet_correspondence),
    (r"cocosnet.*discriminator", replay_cocosnet_discriminator),
    (r"cocosnet.*translation", replay_cocosnet_translation),
    (r"\bdrn", replay_drn),
    (r"deeplab-?v2", replay_deeplab),
    (r"upernet", replay_upernet),
    (r"singan.*imresize|imresize", replay_imresize),
    (r"singan.*discriminator", replay_singan_discriminator),
    (r"singan.*generator", replay_singan_generator),
    (r"pix2pix-?hd.*discriminator", replay_pix2pixhd_discriminator),
    (r"pix2pix-?hd.*encoder", replay_pix2pixhd_encoder),
    (r"pix2pix-?hd", replay_pix2pixhd),
    (r"pixel-?gan|1x1", replay_pixelgan),
    (r"multi-?scale", replay_multiscale),
    (r"patch-?gan|image-?gan", replay_patchgan),
    (r"pix2pix.*(?:u-?net|resnet|generator)", replay_pix2pix),
    (r"cc-?fpse.*discriminator", replay_ccfpse_discriminator),
    (r"cc-?fpse", replay_ccfpse),
    (r"hdrnet.*slice", replay_hdrnet_slice),
    (r"hdrnet.*guide", replay_hdrnet_guide),
    (r"hdrnet.*coefficient", replay_hdrnet_coefficients),
    (r"spade.*encoder", replay_spade_encoder),
    (r"spade", replay_spade),
    (r"asap-?net", replay_asapnet),
)


def replay(recording: Recording) -> Outputs:
    """Our outputs for the recorded inputs.

    Raises:
        UserError: the JSON names a system that is not known here, or weights and settings do not fit.
    """
    for pattern, function in REPLAYS:
        if re.search(pattern, recording.system):
            with torch.no_grad():
                return function(recording)
    raise UserError(
        f"{recording.path.stem}.json: no system is known by the name '{recording.settings.get('system')}'"
    )
