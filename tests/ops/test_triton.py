"""The Triton kernels: run in the interpreter, and compiled for GPUs that need not be here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from asap_lightning.ops.layout import MlpLayout

pytest.importorskip("triton", reason="triton is not installed")

INTEGERS = "i32"
FLOATS = ("phi", "table", "image", "out", "grad", "hidden_out", "back_out", "last_out")


POOLING = dict(S1=4, N=16, BLOCK=64)


@pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION is unset:UserWarning")
@pytest.mark.parametrize("capability", [80, 90])
def test_class_pool_compiles_for_gpus(capability):
    triton = pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from asap_lightning.ops import triton_pooling

    kernel = triton_pooling.class_pool
    kinds = {"label": "*u8", "out": "*fp16", "scale": "fp32"}
    names = {n: "constexpr" if n in POOLING else kinds.get(n, INTEGERS) for n in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=names, constexprs=POOLING)
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=dict(num_warps=4))
    assert f"sm_{capability}" in compiled.asm["ptx"]


def test_kernels_agree_with_the_reference_in_the_interpreter():
    script = Path(__file__).with_name("triton_cases.py")
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    environment.pop("ASAP_BACKEND", None)
    done = subprocess.run(
        [sys.executable, str(script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def signature(kernel, constants):
    kinds = {"label": "*u8", "scale": "*fp32", "slope": "fp32"} | dict.fromkeys(FLOATS, "*fp16")
    return {
        name: "constexpr" if name in constants else kinds.get(name, INTEGERS) for name in kernel.arg_names
    }


@pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION is unset:UserWarning")
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize(("name", "extra"), [("pixelwise_forward", dict(BLOCKS=4)), ("pixelwise_layers", {})])
def test_kernels_compile_for_gpus(capability, name, extra):
    triton = pytest.importorskip("triton")
    if os.environ.get("TRITON_INTERPRET") == "1":
        pytest.skip("the interpreter replaces the compiler")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from asap_lightning.ops import triton_backend, triton_kernels

    kernel = getattr(triton_kernels, name)
    # the sizes of the paper where a spill would show; a small MLP where that takes long
    layout = MlpLayout(64, num_classes=13) if "forward" in name else MlpLayout(32, 32, 4, num_classes=13)
    constants = triton_backend.constants(layout, torch.float16) | dict(BLOCK=64) | extra
    source = ASTSource(fn=kernel, signature=signature(kernel, constants), constexprs=constants)
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=dict(num_warps=4))
    assert compiled.asm["cubin"]
    assert f"sm_{capability}" in compiled.asm["ptx"]
    assert compiled.metadata.shared <= 160 * 1024, "an A100's multiprocessor has 164 KB of shared memory"
