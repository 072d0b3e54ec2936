"""The training step: the authors' recorded training, what is counted, what is left alone."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from pytorch_lightning import Callback
from torch.utils.data import DataLoader, Dataset

import small
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.errors import UserError
from asap_lightning.losses import HingeLoss, TranslationObjective
from asap_lightning.metrics import pairs_of
from asap_lightning.models import MultiscaleDiscriminator
from asap_lightning.training import (
    ConstantThenLinear,
    DivergedError,
    ExponentialWarmup,
    TranslationModule,
    make_trainer,
)
from asap_lightning.training.scaling import NetworkScalers

pytestmark = [
    pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no"),
    pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers"),
]
SPEC = ConditionSpec(num_classes=3)


class Pairs(Dataset):
    """Random pairs that are the same every time."""

    def __init__(self, count=8, size=16, spec=SPEC):
        generator = torch.Generator().manual_seed(5)
        self.labels = torch.randint(0, spec.label_channels, (count, size, size), generator=generator)
        self.photos = torch.rand(count, 3, size, size, generator=generator) * 2 - 1

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return index

    def collate(self, indices):
        size = tuple(self.photos.shape[-2:])
        return Batch(
            Condition(label=self.labels[indices]), self.photos[indices], [str(i) for i in indices],
            [size] * len(indices),
        )  # fmt: skip


def loader(count=8, batch_size=2):
    pairs = Pairs(count)
    return DataLoader(pairs, batch_size=batch_size, collate_fn=pairs.collate)


def make_module(objective=None, discriminator=True, lr=1e-3, **settings):
    torch.manual_seed(3)
    generator = small.asap_generator(SPEC, s1=2, s2=2)
    judge = MultiscaleDiscriminator(SPEC, width=4, layers=3) if discriminator else None
    objective = objective or TranslationObjective(HingeLoss(), feature_matching=10)
    adam = partial(torch.optim.Adam, lr=lr, betas=(0.0, 0.9))
    return TranslationModule(
        generator, judge, objective, generator_optimizer=adam, discriminator_optimizer=adam, **settings
    )


def trainer(**settings):
    defaults = dict(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, max_epochs=1, log_every_n_steps=1,
    )  # fmt: skip
    return make_trainer(**{**defaults, **settings})


def weights(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_five_steps_reproduce_the_authors_training(reference_dir):
    """In a process of its own, on the recording's instruction set: training amplifies the last bit."""
    script = Path(__file__).with_name("recorded_training.py")
    settings = {
        "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OMP_NUM_THREADS": "2",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(script), str(reference_dir / "training_asap.pt")],
        env={**os.environ, **settings}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "outputs compared" in done.stdout


def test_global_step_counts_generator_updates():
    module = make_module(d_steps_per_g=2)
    run = trainer()
    run.fit(module, loader(count=8, batch_size=2))
    assert run.global_step == 4


def test_max_steps_stops_after_that_many_generator_updates():
    run = trainer(max_epochs=-1, max_steps=3)
    run.fit(make_module(), loader())
    assert run.global_step == 3


def test_a_training_that_max_steps_ends_measures_its_last_weights():
    """In the middle of an epoch, where Lightning alone would end without a validation."""

    class Validations(Callback):
        def on_validation_start(self, trainer, pl_module):
            steps.append(trainer.global_step)

    steps = []
    run = trainer(max_epochs=-1, max_steps=3, num_sanity_val_steps=0, callbacks=[Validations()])
    run.fit(make_module(), loader(), loader(count=2))
    assert run.global_step == 3 and steps == [3]


@pytest.mark.parametrize("order", ["generator_first", "discriminator_first"])
@pytest.mark.parametrize("share_fake", [False, True])
def test_each_update_leaves_the_other_network_alone(order, share_fake):
    module = make_module(order=order, share_fake=share_fake)
    untouched = []

    def watch(optimizer):
        own = {id(p) for group in optimizer.param_groups for p in group["params"]}
        others = [p for p in module.parameters() if id(p) not in own]
        untouched.append(all(p.grad is None for p in others))
        assert all(p.grad is not None for group in optimizer.param_groups for p in group["params"])

    module.on_before_optimizer_step = watch
    trainer().fit(module, loader())
    assert len(untouched) == 8 and all(untouched)
    assert all(p.requires_grad for p in module.discriminator.parameters())


def test_orders_differ_in_what_the_discriminator_sees():
    finals = []
    for settings in ({}, {"share_fake": True}, {"order": "discriminator_first"}):
        module = make_module(**settings)
        trainer(max_steps=2, max_epochs=-1).fit(module, loader())
        finals.append(module.discriminator.state_dict()["scales.0.stages.0.0.weight"].clone())
    assert not torch.equal(finals[0], finals[1])
    assert not torch.equal(finals[1], finals[2])


def test_discriminator_updates_use_a_fresh_fake_of_the_updated_generator():
    module = make_module()
    seen = []
    inner = module._fresh_fake
    module._fresh_fake = lambda condition: (
        seen.append((inner(condition), module.generator(condition).image.detach())),
        inner(condition),
    )[1]
    trainer(max_steps=1, max_epochs=-1).fit(module, loader())
    torch.testing.assert_close(*seen[0])


def test_accumulated_small_batches_equal_one_big_batch():
    objective = TranslationObjective(None, l1=1.0)
    finals = []
    for batch_size, accumulate in ((4, 1), (2, 2), (1, 4)):
        module = make_module(objective, discriminator=False, accumulate=accumulate)
        run = trainer(max_epochs=2)
        run.fit(module, loader(count=8, batch_size=batch_size))
        assert run.global_step == 4
        finals.append(weights(module))
    for other in finals[1:]:
        for name, value in finals[0].items():
            torch.testing.assert_close(value, other[name], atol=1e-5, rtol=1e-4)


def test_a_window_never_reaches_into_the_next_epoch():
    run = trainer(max_epochs=2)
    run.fit(make_module(accumulate=3), loader(count=8, batch_size=2))
    assert run.global_step == 4  # windows of 3 and 1 batches, twice


def test_clipping_bounds_both_networks_gradients():
    module = make_module(clip=1e-3)
    norms = []
    inner = module.on_before_optimizer_step

    def measure(optimizer):
        inner(optimizer)
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        norms.append(float(torch.nn.utils.get_total_norm([p.grad for p in parameters])))

    module.on_before_optimizer_step = measure
    trainer(max_steps=2, max_epochs=-1).fit(module, loader())
    assert len(norms) == 4 and max(norms) <= 1.001e-3


def test_the_average_follows_the_generator_and_is_what_translates():
    module = make_module(ema=0.5)
    start = weights(module)
    history = []
    module.on_train_batch_end = lambda *_: history.append(weights(module.generator))
    trainer(max_steps=3, max_epochs=-1).fit(module, loader())
    name = "lowres_stream.to_phi.weight"
    average = history[0][name]  # the first update copies
    for after in history[1:]:
        average = average + 0.5 * (after[name] - average)
    torch.testing.assert_close(module.ema_generator.module.state_dict()[name], average)
    assert module.inference_generator is module.ema_generator.module
    assert not torch.equal(start[f"generator.{name}"], average)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_precisions_train(precision):
    module = make_module()
    before = weights(module.generator)
    trainer(precision=precision, max_steps=2, max_epochs=-1).fit(module, loader())
    after = weights(module.generator)
    assert all(torch.isfinite(v).all() for v in after.values())
    assert any(not torch.equal(before[k], after[k]) for k in before)


def test_a_fused_optimizers_gradients_are_unscaled_before_they_are_clipped():
    module = make_module(clip=0.5)
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([weight], lr=0.1, fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scalers = NetworkScalers(SimpleNamespace(scaler=scaler), networks=1)
    scaler.scale((weight * torch.tensor([0.1, 0.2, 0.2])).sum()).backward()
    with scalers.of(0):
        scalers.unscale(optimizer)
        module.on_before_optimizer_step(optimizer)
    torch.testing.assert_close(weight.grad, torch.tensor([0.1, 0.2, 0.2]))  # of norm 0.3, not 307
    scaler.step(optimizer)
    torch.testing.assert_close(weight.detach(), torch.full((3,), 0.9))


def test_a_training_that_diverges_stops_and_names_the_term():
    module = make_module(TranslationObjective(HingeLoss(), l1=float("nan")))
    with pytest.raises(DivergedError, match=r"loss_g/l1 = nan[\s\S]*learning rate"):
        trainer().fit(module, loader())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(order="both"), "training.order"),
        (dict(d_steps_per_g=0), "d_steps_per_g"),
        (dict(clip=-1.0), "training.clip"),
        (dict(ema=1.5), "training.ema"),
        (dict(objective=TranslationObjective(None, l1=1.0)), "discriminator=none"),
        (dict(discriminator=False), "discriminator=multiscale"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        make_module(**settings)


def test_testing_measures_as_validation_does_and_leaves_nothing_behind():
    module, run = make_module(), trainer()
    (tested,) = run.test(module, loader(), verbose=False)
    (again,) = run.test(module, loader(count=4), verbose=False)
    (validated,) = run.validate(module, loader(count=4), verbose=False)
    assert {"test/psnr", "test/ssim", "test/l1"} <= tested.keys()
    for name in ("psnr", "ssim", "l1"):
        assert again[f"test/{name}"] == validated[f"val/{name}"] != tested[f"test/{name}"]
    assert not module.metrics.has_updates


def test_an_evaluation_that_was_broken_off_leaves_nothing_behind():
    module, run = make_module(), trainer()
    (expected,) = run.validate(module, loader(), verbose=False)
    for pairs in pairs_of(torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8), ["left over"]):
        module.metrics.update(pairs)
    assert run.validate(module, loader(), verbose=False) == [expected]


def test_the_schedule_is_constant_then_linear():
    schedule = ConstantThenLinear(constant=2, decay=4)
    assert [schedule(epoch, 0) for epoch in range(7)] == [1, 1, 1, 0.75, 0.5, 0.25, 0]
    by_step = ConstantThenLinear(constant=10, decay=10, unit="step")
    assert by_step(99, 15) == 0.5
    assert ConstantThenLinear(constant=0, decay=0)(10**6, 10**6) == 1


def test_a_rate_may_grow_up_to_a_peak_first():
    schedule = ExponentialWarmup(constant=800, decay=0)
    assert [schedule(epoch, 0) for epoch in (0, 1, 72, 73, 111, 112, 799)] == pytest.approx(
        [0.01, 0.011, 0.01 * 1.1**72, 10, 10, 1, 1]
    )
    steps = ExponentialWarmup(constant=4, decay=2, unit="step", warmup=2, start=1.0, growth=1.5, peak=1.2)
    assert [steps(9, step) for step in range(7)] == [1, 1.2, 1, 1, 1, 0.5, 0]
    assert ExponentialWarmup(warmup=10**9)(10**8, 0) == 10, "no power of it is computed"
    with pytest.raises(ValueError, match="growth at least 1"):
        ExponentialWarmup(growth=0.9)


def test_the_rate_of_every_step_is_the_schedules():
    rates = []
    module = make_module(lr=1e-3, schedule=ConstantThenLinear(constant=1, decay=2, unit="step"))
    module.on_before_optimizer_step = lambda optimizer: rates.append(optimizer.param_groups[0]["lr"])
    trainer(max_steps=3, max_epochs=-1).fit(module, loader())
    assert rates[::2] == pytest.approx([1e-3, 1e-3, 5e-4])
    assert rates[1::2] == pytest.approx([1e-3, 1e-3, 5e-4]) or rates[1::2] == pytest.approx(rates[::2])
