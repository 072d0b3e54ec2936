"""Several batches that make one update: exactly what one big batch makes, in every corner."""

import csv
from contextlib import nullcontext
from functools import partial

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.plugins import MixedPrecision
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

import small
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.losses import HingeLoss, TranslationObjective
from asap_lightning.training import TranslationModule, make_trainer

pytestmark = [
    pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no"),
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
]
SPEC = ConditionSpec(num_classes=3)
SIZE = 8


class Judge(nn.Module):
    """A discriminator to which an image's batch makes no difference."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(6, 4, 3, padding=1), nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, planes, image):
        features = torch.tanh(self.first(torch.cat([planes, image], 1)))
        return [[features, self.last(features)]]


def make_module(**settings):
    torch.manual_seed(3)
    generator = small.asap_generator(SPEC, s2=2, init_gain=0.5)
    sgd = partial(torch.optim.SGD, lr=0.02)
    module = TranslationModule(
        generator, Judge(), TranslationObjective(HingeLoss(), feature_matching=2, l1=1),
        generator_optimizer=sgd, discriminator_optimizer=sgd, **settings,
    )  # fmt: skip
    return module.double()


def batch_of(indices, dtype=torch.float64):
    random = torch.Generator().manual_seed(5)
    labels = torch.randint(0, 3, (16, SIZE, SIZE), generator=random)
    photos = torch.rand(16, 3, SIZE, SIZE, generator=random, dtype=torch.float64) * 2 - 1
    names = [str(index) for index in indices]
    return Batch(
        Condition(label=labels[indices]), photos[indices].to(dtype), names, [(SIZE, SIZE)] * len(indices)
    )


def loader(*batches, dtype=torch.float64):
    return DataLoader(
        range(16), batch_sampler=[list(batch) for batch in batches], collate_fn=partial(batch_of, dtype=dtype)
    )


def equal_batches(size, count=8):
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def train(batches, val=None, **options):
    names = ("accumulate", "order", "share_fake", "d_steps_per_g", "clip")
    module = make_module(**{name: options.pop(name) for name in names if name in options})
    settings = dict(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, max_epochs=2, log_every_n_steps=1, num_sanity_val_steps=0,
    )  # fmt: skip
    run = make_trainer(**{**settings, **options})
    run.fit(module, batches if isinstance(batches, DataLoader) else loader(*batches), val)
    return run.global_step, {name: value.clone() for name, value in module.state_dict().items()}


def assert_same(found, expected):
    assert found[0] == expected[0], "generator updates"
    for name, value in expected[1].items():
        torch.testing.assert_close(found[1][name], value, rtol=0, atol=1e-13, msg=name)


@pytest.mark.parametrize("d_steps_per_g", [1, 3])
@pytest.mark.parametrize(
    "order", [{}, {"share_fake": True}, {"order": "discriminator_first"}], ids=["fresh", "shared", "d_first"]
)
def test_small_batches_equal_one_big_batch(order, d_steps_per_g):
    settings = {**order, "d_steps_per_g": d_steps_per_g}
    big = train(equal_batches(4), **settings)
    for size in (2, 1):
        assert_same(train(equal_batches(size), accumulate=4 // size, **settings), big)


def test_every_discriminator_update_has_gradients_of_the_whole_window():
    norms = []

    class Watched(TranslationModule):
        def on_before_optimizer_step(self, optimizer):
            group = optimizer.param_groups[0]["params"]
            if group[0] is next(self.discriminator.parameters()):
                norms.append(float(torch.nn.utils.get_total_norm([p.grad for p in group])))

    module = make_module(accumulate=2, d_steps_per_g=2)
    module.__class__ = Watched
    make_trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, max_steps=1, max_epochs=-1, log_every_n_steps=1,
    ).fit(module, loader([0], [1]))  # fmt: skip
    assert len(norms) == 2
    assert norms[1] == pytest.approx(norms[0], rel=0.2), "the second is one small update further"


def test_a_last_window_and_a_last_batch_that_are_short_count_each_image_once():
    big = train([range(6), [6]], d_steps_per_g=2)
    assert_same(train([[0, 1], [2, 3], [4, 5], [6]], accumulate=3, d_steps_per_g=2), big)
    assert_same(train([[0, 1], [2, 3], [4, 5], [6]], accumulate=4), train([range(7)]))
    assert_same(train([[0, 1, 2], [3]], accumulate=2), train([range(4)]))


def test_a_window_ends_where_the_batches_are_limited():
    expected = train([range(4), [4, 5]])
    assert_same(train(equal_batches(2), accumulate=2, limit_train_batches=3), expected)


def test_a_window_ends_where_a_stream_of_unknown_length_ends():
    class Stream(IterableDataset):
        def __iter__(self):
            yield from range(7)

    stream = DataLoader(Stream(), batch_size=2, collate_fn=batch_of)
    assert_same(train(stream, accumulate=3), train([range(6), [6]]))


def test_a_training_by_steps_ends_with_a_whole_window():
    settings = {"max_epochs": -1, "max_steps": 3}
    big = train(equal_batches(4), **settings)
    assert_same(train(equal_batches(1), accumulate=4, **settings), big)


def test_gradients_are_clipped_once_a_window():
    assert_same(train(equal_batches(1), accumulate=4, clip=1e-3), train(equal_batches(4), clip=1e-3))


def test_a_validation_inside_a_window_changes_nothing():
    expected = train(equal_batches(1), accumulate=4, d_steps_per_g=2)
    settings = {"val": loader([8]), "val_check_interval": 1}
    assert_same(train(equal_batches(1), accumulate=4, d_steps_per_g=2, **settings), expected)


def test_what_is_logged_is_the_windows_mean_once_a_window(tmp_path):
    logged = []
    for size in (4, 1):
        logger = CSVLogger(tmp_path, name=None, version=f"{size}")
        train(equal_batches(size), accumulate=4 // size, logger=logger)
        with open(tmp_path / f"{size}" / "metrics.csv", newline="") as file:
            logged.append([{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)])
    assert [row["step"] for row in logged[1]] == [row["step"] for row in logged[0]] == [1, 2, 3, 4]
    for big, split in zip(*logged, strict=True):
        assert {"loss_g/total", "loss_d/real", "lr/generator"} <= big.keys() == split.keys()
        assert all(split[name] == pytest.approx(big[name], rel=1e-6) for name in big)


class Scaled(MixedPrecision):
    """Loss scaling as for float16, of a computation that stays in float32."""

    def __init__(self):
        super().__init__("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=2))

    def forward_context(self):
        return nullcontext()


def fit_scaled(module, max_steps, overflows=(), ckpt_path=None, folder=None):
    """Trains; the discriminator's gradients of these updates are infinite. Returns both scales a step."""
    scales, before = [], []

    class Watch(Callback):
        def on_train_batch_end(self, trainer, module, *_):
            scales.append([scaler.get_scale() for scaler in module._scalers.scalers])
            before.append([module.generator.lowres_stream.to_phi.bias, module.discriminator.first.weight])
            before[-1] = [value.detach().clone() for value in before[-1]]
            if folder is not None and len(scales) == 8:  # the epoch's end
                trainer.save_checkpoint(folder / "scaled.ckpt")

    run = make_trainer(
        accelerator="cpu", logger=False, callbacks=[Watch()], enable_checkpointing=False, max_epochs=-1,
        enable_progress_bar=False, enable_model_summary=False, max_steps=max_steps, log_every_n_steps=1,
        plugins=[Scaled()],
    )  # fmt: skip
    spoil = lambda g: g * float("inf") if module.global_step - 1 in overflows else g  # noqa: E731
    handle = module.discriminator.first.weight.register_hook(spoil)
    run.fit(module, loader(*equal_batches(1), dtype=torch.float32), ckpt_path=ckpt_path)
    handle.remove()
    return scales, before


def test_each_network_has_a_loss_scale_of_its_own(tmp_path):
    module = make_module(accumulate=2).float()
    scales, weights = fit_scaled(module, 4, overflows=(2,), folder=tmp_path)
    # A batch each: an update comes with every second one. The scale doubles after two good updates.
    assert [g for g, _ in scales[1::2]] == [64, 128, 128, 256]
    assert [d for _, d in scales[1::2]] == [64, 128, 64, 64]
    generator, discriminator = zip(*weights[1::2], strict=True)
    assert not torch.equal(generator[1], generator[2])
    assert torch.equal(discriminator[1], discriminator[2]), "the update that overflowed is left out"
    assert not torch.equal(discriminator[2], discriminator[3])


def test_loss_scales_continue_after_a_resume(tmp_path):
    whole = fit_scaled(make_module(accumulate=2).float(), 8, overflows=(1,))
    fit_scaled(make_module(accumulate=2).float(), 4, overflows=(1,), folder=tmp_path)
    resumed = fit_scaled(make_module(accumulate=2).float(), 8, ckpt_path=tmp_path / "scaled.ckpt")
    assert resumed[0] == whole[0][8:] and len(resumed[0]) == 8
    assert all(torch.equal(a, b) for a, b in zip(resumed[1][-1], whole[1][-1], strict=True))


@pytest.mark.parametrize("fused", [False, True])
def test_scaled_gradients_are_measured_and_clipped_as_unscaled_ones(fused):
    norms = {}
    for plugins in ([], [Scaled()]):
        measured = norms[bool(plugins)] = []

        class Watch(Callback):
            def on_before_optimizer_step(self, trainer, module, optimizer, measured=measured):
                group = optimizer.param_groups[0]["params"]
                measured.append(float(torch.nn.utils.get_total_norm([p.grad for p in group])))

        module = make_module(clip=0.05).float()
        adam = partial(torch.optim.Adam, lr=1e-3, fused=fused)
        module.generator_optimizer = module.discriminator_optimizer = adam
        make_trainer(
            accelerator="cpu", logger=False, callbacks=[Watch()], enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, max_steps=2, max_epochs=-1,
            log_every_n_steps=1, plugins=plugins,
        ).fit(module, loader([0], [1], dtype=torch.float32))  # fmt: skip
    assert norms[True] == pytest.approx(norms[False], rel=1e-4) and len(norms[True]) == 4
