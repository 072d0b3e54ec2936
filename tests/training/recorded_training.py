"""Repeats the authors' recorded training with the LightningModule's own `training_step`.

Called as: python FILE RECORDING.pt
"""

import sys
from functools import partial

import torch
from torch.utils.data import DataLoader

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.losses import HingeLoss, TranslationObjective
from asap_lightning.models import AsapGenerator, MultiscaleDiscriminator
from asap_lightning.training import TranslationModule, make_trainer

LOSSES = {
    "GAN": "loss_g/adversarial",
    "GAN_Feat": "loss_g/feature_matching",
    "D_Fake": "loss_d/fake",
    "D_real": "loss_d/real",
}
RATES = {"G": 1e-4, "D": 4e-4}


def build(state_dict):
    """Both networks with the recorded weights, and {recorded name: (network, our name)}."""
    spec = ConditionSpec(num_classes=5)
    generator = AsapGenerator(
        spec, s1=1, s2=4, mlp_width=16, mlp_depth=4, lowres_width=8, lowres_max_width=24, lowres_depth=2,
        backend="reference",
    )  # fmt: skip
    networks = {"G": generator, "D": MultiscaleDiscriminator(spec, width=8)}
    names = {}
    for letter, network in networks.items():
        theirs = [key for key in state_dict if key.startswith(f"{letter}.")]
        names |= {key: (letter, own) for key, own in zip(theirs, network.state_dict(), strict=True)}
        network.load_state_dict({names[key][1]: state_dict[key] for key in theirs})
    return networks, names


class Recorded(TranslationModule):
    """Keeps every step's terms and each network's first gradients."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.steps, self.first = [], {}

    def training_step(self, batch, batch_idx):
        self.steps.append(super().training_step(batch, batch_idx))
        return self.steps[-1]

    def on_before_optimizer_step(self, optimizer):
        letter = "G" if not self.first else "D"
        network = self.generator if letter == "G" else self.discriminator
        if letter not in self.first:
            self.first[letter] = {name: p.grad.clone() for name, p in network.named_parameters()}
        super().on_before_optimizer_step(optimizer)


def train(recording):
    networks, names = build(recording["state_dict"])
    module = Recorded(
        networks["G"],
        networks["D"],
        TranslationObjective(HingeLoss(), feature_matching=10),
        generator_optimizer=partial(torch.optim.Adam, lr=RATES["G"], betas=(0.0, 0.9)),
        discriminator_optimizer=partial(torch.optim.Adam, lr=RATES["D"], betas=(0.0, 0.9)),
    )
    photo = recording["inputs"]["photo"]
    size = tuple(photo.shape[-2:])
    batch = Batch(Condition(label=recording["inputs"]["label"][:, 0]), photo, ["a", "b"], [size, size])
    trainer = make_trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, max_steps=5,
    )  # fmt: skip
    trainer.fit(module, DataLoader(range(5), batch_size=1, collate_fn=lambda _: batch))
    return module, networks, names


def compare(recording):
    module, networks, names = train(recording)
    worst = {"loss": 0.0, "gradient": 0.0, "weight": 0.0}
    compared = 0
    gradients = {
        name: value
        for key, value in recording["outputs"].items()
        if (name := key.removeprefix("grad.")) != key
    }
    alike = all(torch.equal(module.first[names[n][0]][names[n][1]], value) for n, value in gradients.items())
    for key, value in recording["outputs"].items():
        kind, _, name = key.partition(".")
        if kind == "loss":
            found = torch.tensor([float(terms[LOSSES[name]]) for terms in module.steps])
            error = float(((found - value).abs() / value.abs()).max())
            worst["loss"] = max(worst["loss"], error)
            assert error <= 1e-3, (key, error)
        elif kind == "grad":
            letter, own = names[name]
            error = float((module.first[letter][own] - value).abs().max() / value.abs().max())
            worst["gradient"] = max(worst["gradient"], error)
            assert error <= 1e-4, (key, error)
        elif kind == "final":
            letter, own = names[name]
            errors = (networks[letter].state_dict()[own] - value).abs()
            worst["weight"] = max(worst["weight"], float(errors.max()))
            assert errors.max() <= 2 * 5 * RATES[letter], (key, float(errors.max()))
            # Where a processor sums in another order, its rounding decides where small gradients lead.
            share = float((errors <= 1e-5).float().mean())
            assert share >= 0.99 or not alike, (key, share)
        else:
            raise AssertionError(f"an output of an unknown kind: {key}")
        compared += 1
    print(f"training_asap: {compared} outputs compared, largest errors {worst}")


if __name__ == "__main__":
    compare(torch.load(sys.argv[1], weights_only=True))
