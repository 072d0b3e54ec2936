"""The examples for clusters: what they start is understood by the command line."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from asap_lightning.configuration.configs import conf_dir
from asap_lightning.configuration.resolvers import register_resolvers
from asap_lightning.metrics.declarations import VALIDATED, declaration_of

SCRIPTS = Path(__file__).parents[2] / "scripts"
KUBERNETES = sorted((SCRIPTS / "kubernetes").glob("*.yaml"))


def composed(*overrides: str) -> DictConfig:
    GlobalHydra.instance().clear()
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("train", list(overrides), return_hydra_config=True)


def overrides_of(command: list[str]) -> list[str]:
    """What follows ``asap train`` or ``torchrun ... -m asap_lightning train``."""
    return command[command.index("train") + 1 :]


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.name)
def test_kubernetes_jobs_start_what_composes(path: Path) -> None:
    documents = [document for document in yaml.safe_load_all(path.read_text()) if document["kind"] == "Job"]
    (job,) = documents
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    config = composed(*overrides_of(container["command"]))
    assert config.ckpt == "auto", "a replaced pod resumes"
    assert pod["terminationGracePeriodSeconds"] >= 60 and pod["restartPolicy"] == "Never"
    folder = config.hydra.sweep.dir if "sweep=pareto" in container["command"] else config.hydra.run.dir
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert any(folder.startswith(mount) for mount in mounts) and {m["name"] for m in pod["volumes"]} >= {
        "runs"
    }
    if container["command"][0] == "torchrun":
        assert {"name": "TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "value": "1"} in container["env"]
        words = [word for word in container["command"] if word.startswith("--n")]
        flags = dict(word.removeprefix("--").split("=", 1) for word in words)
        gpus = container["resources"]["limits"]["nvidia.com/gpu"]
        assert config.trainer.devices == int(flags["nproc-per-node"]) == gpus
        assert config.trainer.num_nodes == int(flags.get("nnodes", 1)) == job["spec"].get("completions", 1)


def test_torchrun_understands_the_flags() -> None:
    from torch.distributed.run import get_args_parser

    for path in KUBERNETES:
        for document in yaml.safe_load_all(path.read_text()):
            for container in document["spec"].get("template", {}).get("spec", {}).get("containers", []):
                if container["command"][0] == "torchrun":
                    options = get_args_parser().parse_args(container["command"][1:])
                    assert options.module and options.training_script == "asap_lightning"
                    assert options.max_restarts > 0


def test_the_batch_script_starts_what_composes(tmp_path: Path) -> None:
    """The script is run with stand-ins for srun and scontrol that write down how they were called."""
    script = SCRIPTS / "slurm" / "train.sbatch"
    for name, code in (("srun", 143), ("scontrol", 0)):
        stand_in = tmp_path / name
        stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/{name}.called\nexit {code}\n')
        stand_in.chmod(0o755)
    environment = {
        **{"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_JOB_ID": "17", "SLURM_JOB_NUM_NODES": "2"},
        "SLURM_NTASKS_PER_NODE": "4",
    }
    ended = subprocess.run(["bash", str(script), "experiment=demo"], env=environment, timeout=30, check=False)
    assert ended.returncode == 143
    assert (tmp_path / "scontrol.called").read_text().split() == ["requeue", "17"]
    config = composed(*overrides_of((tmp_path / "srun.called").read_text().splitlines()))
    assert (config.trainer.num_nodes, config.trainer.devices, config.ckpt) == (2, 4, "auto")
    assert config.hydra.run.dir == "runs/slurm/17" and config.name == "demo"


def test_the_wandb_sweep_names_parameters_and_a_metric_that_there_are() -> None:
    from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

    sweep = yaml.safe_load((SCRIPTS / "wandb_sweep.yaml").read_text())
    values = {key: p.get("values") or [p["min"], p["max"]] for key, p in sweep["parameters"].items()}
    for chosen in list(itertools.product(*values.values()))[::13]:
        # What wandb's agent makes of the file for one run.
        arguments = {key: {"value": value} for key, value in zip(values, chosen, strict=True)}
        expanded = create_sweep_command_args({"args": arguments})["args_no_hyphens"]
        command = [w for word in create_sweep_command(sweep["command"]) for w in
                   (expanded if word == "${args_no_hyphens}" else [word])]  # fmt: skip
        assert command[:3] == ["${env}", "asap", "train"]
        config = composed(*command[3:])
        tile = config.generator.s1 * config.generator.s2
        assert config.data.height % tile == 0 and config.data.width % tile == 0
        assert "wandb" in config.logger
    metric = declaration_of(sweep["metric"]["name"])
    assert metric in VALIDATED, "the summary holds its best value"
    assert (sweep["metric"]["goal"] == "maximize") == metric.higher_is_better
