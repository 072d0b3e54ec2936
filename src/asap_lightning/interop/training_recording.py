"""Replays recorded training steps of ASAP-Net: losses, first gradients and final weights.

Training amplifies the last bit: with beta1 = 0, Adam makes a full step of a gradient that is rounding noise,
and a hinge or ReLU that a unit just misses changes whole layers. So the steps run in a process of their own,
held to the instruction set of the recordings, with operations in the authors' order.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from asap_lightning.errors import UserError
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.recordings import (
    Outputs,
    Recording,
    condition_of,
    options_of,
    read_recording,
)
from asap_lightning.interop.replays.losses import ADVERSARIAL
from asap_lightning.interop.systems import asapnet, multiscale
from asap_lightning.losses import TranslationObjective
from asap_lightning.training.judging import judge_for_generator, judge_jointly
from asap_lightning.untrusted import load_torch

# Theirs: our term.
GENERATOR_LOSSES = {"GAN": "adversarial", "GAN_Feat": "feature_matching", "L1": "l1", "MSE": "mse"}
DISCRIMINATOR_LOSSES = {"D_Fake": "fake", "D_real": "real", "D_Real": "real"}

# Read when PyTorch starts, so only a new process can be held to them.
INSTRUCTION_SET = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "OMP_NUM_THREADS": "2",
    "MKL_NUM_THREADS": "2",
}


@dataclass(frozen=True)
class Rates:
    """Adam's settings."""

    betas: tuple[float, float] = (0.0, 0.9)
    generator: float = 1e-4
    discriminator: float = 4e-4


_NUMBER = r"([\d.]+(?:e-?\d+)?)"


def read_rates(text: str) -> Rates:
    """Reads 'Adam betas (0, 0.9), G 1e-4, D 4e-4'."""
    betas = re.search(rf"betas?\s*\(\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\)", text)
    generator, judge = re.search(rf"\bG\s+{_NUMBER}", text), re.search(rf"\bD\s+{_NUMBER}", text)
    default = Rates()
    return Rates(
        betas=(float(betas[1]), float(betas[2])) if betas else default.betas,
        generator=float(generator[1]) if generator else default.generator,
        discriminator=float(judge[1]) if judge else default.discriminator,
    )


def read_objective(text: str) -> TranslationObjective:
    """Reads 'hinge + feature matching x10, no perceptual term'."""
    lowered = text.lower()
    spelled = {"least squares": "ls", "lsgan": "ls", "cross entropy": "original", "wasserstein": "w"}
    name = next((short for word, short in spelled.items() if word in lowered), None)
    name = name or next((key for key in ADVERSARIAL if re.search(rf"\b{key}\b", lowered)), "hinge")
    weights: dict[str, Any] = {}
    for ours, pattern in (("feature_matching", "feature matching"), ("l1", "l1"), ("mse", "mse")):
        if match := re.search(rf"(?<!no ){pattern}(?:\s*x\s*{_NUMBER})?", lowered):
            weights[ours] = float(match[1] or 1)
    return TranslationObjective(ADVERSARIAL[name](), **weights)


def replay_training(recording: Recording) -> Outputs:
    """Each step: generator update, then discriminator update on a fresh fake of the updated generator."""
    settings, state = recording.settings, recording.state
    generator_state = {n.removeprefix("G."): t for n, t in state.items() if n.startswith("G.")}
    judge_state = {n.removeprefix("D."): t for n, t in state.items() if n.startswith("D.")}
    described = asapnet.infer(generator_state, options_of(recording))
    assert described.spec is not None
    generator: Any = described.sketch(generator_state)
    generator.backend = "reference"
    judged = multiscale.infer(judge_state, dict(settings.get("discriminator", {})))
    judge: Any = type(judged)(judged.target, judged.arguments, described.spec).sketch(judge_state)
    names = {"G": asapnet.names(generator), "D": multiscale.names(judge)}
    names["G"].load(generator, generator_state, recording.path.name, asapnet.HINT)
    names["D"].load(judge, judge_state, recording.path.name)
    generator.train(), judge.train()

    rates = read_rates(str(settings.get("optimizer", "")))
    objective = read_objective(str(settings.get("loss", "")))
    adam_g = torch.optim.Adam(generator.parameters(), lr=rates.generator, betas=rates.betas)
    adam_d = torch.optim.Adam(judge.parameters(), lr=rates.discriminator, betas=rates.betas)
    condition, photo = condition_of(recording, described.spec), recording.inputs["photo"]
    planes = described.spec.encode(condition)
    losses: dict[str, list[Tensor]] = {}
    outputs: Outputs = {}
    for step in range(int(settings.get("steps", 5))):
        image = generator(condition).image
        judge.requires_grad_(False)
        fake, real = judge_for_generator(judge, planes, image, photo, with_real=objective.needs_real_features)
        terms = objective.generator_terms(image, photo, fake=fake, real=real)
        _update(adam_g, terms)
        judge.requires_grad_(True)
        if step == 0:
            outputs |= _gradients(generator, names["G"], "G")
        _note(losses, terms, GENERATOR_LOSSES)
        with torch.no_grad():
            fresh = generator(condition).image
        terms = objective.discriminator_terms(*judge_jointly(judge, planes, fresh, photo))
        _update(adam_d, terms)
        if step == 0:
            outputs |= _gradients(judge, names["D"], "D")
        _note(losses, terms, DISCRIMINATOR_LOSSES)
    outputs |= {f"loss.{name}": torch.stack(values) for name, values in losses.items()}
    for key, network in (("G", generator), ("D", judge)):
        final = names[key].to_theirs(network.state_dict())
        outputs |= {f"final.{key}.{name}": tensor.detach().clone() for name, tensor in final.items()}
    return outputs


def _update(optimizer: torch.optim.Optimizer, terms: Mapping[str, Tensor]) -> None:
    optimizer.zero_grad(set_to_none=True)
    torch.stack([term.reshape(()) for term in terms.values()]).sum().backward()
    optimizer.step()


def _note(losses: dict[str, list[Tensor]], terms: Mapping[str, Tensor], spelled: Mapping[str, str]) -> None:
    for theirs, ours in spelled.items():
        if ours in terms:
            losses.setdefault(theirs, []).append(terms[ours].detach().reshape(()))


def _gradients(network: nn.Module, names: NameMap, prefix: str) -> Outputs:
    return {
        f"grad.{prefix}.{names.theirs[name]}": parameter.grad.clone()
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }


def replay_in_process(path: Path) -> Outputs:
    """As `replay_training` on the recording at ``path``, in a new process held to `INSTRUCTION_SET`.

    Raises:
        UserError: the process failed; the message is its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "outputs.pt"
        command = [sys.executable, "-m", "asap_lightning.interop.training_recording", str(path), str(answer)]
        done = subprocess.run(
            command, env={**os.environ, **INSTRUCTION_SET}, capture_output=True, text=True, check=False
        )
        if done.returncode or not answer.is_file():
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise UserError(f"{path}: the training could not be repeated: {lines[-1]}")
        outputs: Outputs = load_torch(answer)
        return outputs


def main(arguments: list[str]) -> int:
    """Replays the first argument's recording and saves our outputs to the second."""
    path, answer = map(Path, arguments)
    torch.set_num_threads(2)
    try:
        torch.save(replay_training(read_recording(path)), answer)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
