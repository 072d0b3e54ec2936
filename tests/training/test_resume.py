"""A resumed training equals an uninterrupted one, bit for bit."""

from functools import partial

import pytest
import torch
from pytorch_lightning import Callback

import small
from asap_lightning.data import PairedDataModule
from asap_lightning.data.demo import write_demo_dataset
from asap_lightning.data.layouts import CmpFacades
from asap_lightning.errors import UserError
from asap_lightning.losses import HingeLoss, TranslationObjective
from asap_lightning.metrics import Results
from asap_lightning.models import AsapGenerator, MultiscaleDiscriminator
from asap_lightning.training import (
    CheckpointWriter,
    ConstantThenLinear,
    ModelDescription,
    StopRequest,
    TrainingInterrupted,
    TranslationModule,
    make_trainer,
    read_checkpoint,
)
from equal import same

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*smaller than the logging interval"),
    pytest.mark.filterwarnings("ignore:.*your dataloader is not resumable"),
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`"),
    pytest.mark.filterwarnings("ignore:.*will duplicate"),
]
STEPS = 8  # 3 batches an epoch: two whole epochs and a part of the third


@pytest.fixture(scope="module")
def facades(tmp_path_factory):
    root = tmp_path_factory.mktemp("facades")
    write_demo_dataset(root, count=8, size=32, workers=1, progress=False)
    return root


class Noisy(AsapGenerator):
    """Draws from torch's global generator in training, as dropout does."""

    def forward(self, condition):
        output = super().forward(condition)
        if self.training:
            output.image = output.image + 0.01 * torch.randn_like(output.image)
        return output


class NoisyInValidation(Noisy):
    """Draws from it in validation too, as a style encoder or pix2pix's dropout does."""

    def forward(self, condition):
        output = super().forward(condition)
        if not self.training:
            output.image = output.image + 0.01 * torch.randn_like(output.image)
        return output


def parts(facades, num_workers=0, network=Noisy, **options):
    torch.manual_seed(11)
    data = PairedDataModule(
        facades, partial(CmpFacades, split="ratio", test_share=0.25), 32, 32, mode="resize_and_crop",
        batch_size=2, num_workers=num_workers, seed=4,
    )  # fmt: skip
    generator = network(data.spec, **small.ASAP)
    data.size_multiple = generator.size_multiple
    adam = partial(torch.optim.Adam, lr=1e-3, betas=(0.0, 0.9))
    module = TranslationModule(
        generator, MultiscaleDiscriminator(data.spec, width=4, layers=3),
        TranslationObjective(HingeLoss(), feature_matching=10, l1=1),
        generator_optimizer=adam, discriminator_optimizer=adam, ema=0.9,
        schedule=ConstantThenLinear(constant=3, decay=8, unit="step"),
        description=ModelDescription(data.spec.as_dict(), small.ASAP), **options,
    )  # fmt: skip
    return module, data


def trainer(folder, max_steps=STEPS, stop=None, **settings):
    writer = CheckpointWriter(folder, every_n_steps=1, keep_every_n_steps=1, stop=stop)
    return make_trainer(
        accelerator="cpu", logger=False, callbacks=[writer], enable_progress_bar=False, max_epochs=-1,
        enable_model_summary=False, max_steps=max_steps, num_sanity_val_steps=0, log_every_n_steps=1,
        **settings,
    )  # fmt: skip


def state_of(path):
    """Everything that decides how a training goes on."""
    checkpoint = read_checkpoint(path)
    return {
        key: checkpoint[key] for key in ("state_dict", "optimizer_states", "random_states", "global_step")
    }


@pytest.fixture(scope="module")
def uninterrupted(facades, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    module, data = parts(facades)
    trainer(folder).fit(module, datamodule=data)
    return folder


@pytest.mark.parametrize("after", range(1, STEPS))
def test_resuming_after_any_step_changes_nothing(facades, uninterrupted, tmp_path, after):
    """Steps 3 and 6 end an epoch; the file written there is from before the epoch's validation."""
    module, data = parts(facades, num_workers=after % 2)
    trainer(tmp_path).fit(module, datamodule=data, ckpt_path=str(uninterrupted / f"step_{after:08d}.ckpt"))
    for step in range(after + 1, STEPS + 1):
        name = f"step_{step:08d}.ckpt"
        assert same(state_of(tmp_path / name), state_of(uninterrupted / name)), name


def test_a_run_that_ended_can_be_prolonged(facades, uninterrupted, tmp_path):
    module, data = parts(facades)
    trainer(tmp_path / "first", max_steps=4).fit(module, datamodule=data)
    module, data = parts(facades)
    trainer(tmp_path / "second").fit(module, datamodule=data, ckpt_path=str(tmp_path / "first/last.ckpt"))
    assert same(state_of(tmp_path / "second/last.ckpt"), state_of(uninterrupted / "last.ckpt"))


@pytest.mark.parametrize("hard_links", [True, False])
def test_the_last_validation_counts_after_a_resume(facades, uninterrupted, tmp_path, monkeypatch, hard_links):
    """A run that ends with an epoch finds its best value after last.ckpt was written."""

    def refuse(*names):
        raise OSError("no hard links here")

    if not hard_links:
        monkeypatch.setattr("os.link", refuse)
    module, data = parts(facades)
    first = trainer(tmp_path, max_steps=3)
    (writer,) = (one for one in first.callbacks if isinstance(one, CheckpointWriter))
    writer.mode = "min"  # the value after step 4 is a worse one, then
    first.fit(module, datamodule=data)
    module, data = parts(facades)
    again = trainer(tmp_path, max_steps=4)
    (resumed,) = (one for one in again.callbacks if isinstance(one, CheckpointWriter))
    resumed.mode = "min"
    again.fit(module, datamodule=data, ckpt_path=str(tmp_path / "last.ckpt"))
    assert writer.best_step == 3
    assert (resumed.best_value, resumed.best_step) == (writer.best_value, 3)
    assert same(state_of(tmp_path / "last.ckpt"), state_of(uninterrupted / "step_00000004.ckpt"))
    assert not list(tmp_path.glob(".*"))


def test_the_best_checkpoint_written_after_a_validation_resumes_too(facades, uninterrupted, tmp_path):
    best = uninterrupted / "best.ckpt"
    step = read_checkpoint(best)["global_step"]
    module, data = parts(facades)
    trainer(tmp_path, max_steps=step + 1).fit(module, datamodule=data, ckpt_path=str(best))
    if step < STEPS:
        name = f"step_{step + 1:08d}.ckpt"
        assert same(state_of(tmp_path / name), state_of(uninterrupted / name))


class StopAfter(StopRequest):
    """As if Ctrl-C were pressed during a certain step or validation."""

    def __init__(self, asked):
        super().__init__(announce=lambda text: None)
        self.asked = asked

    @property
    def signal_number(self):
        return 2 if self.asked() else None

    @signal_number.setter
    def signal_number(self, value):
        pass


def test_a_stop_during_training_writes_a_checkpoint_that_resumes(facades, uninterrupted, tmp_path):
    module, data = parts(facades)
    stop = StopAfter(lambda: module.trainer.global_step >= 5)
    with pytest.raises(TrainingInterrupted) as caught:
        trainer(tmp_path, stop=stop).fit(module, datamodule=data)
    assert caught.value.checkpoint == str(tmp_path / "last.ckpt")
    assert read_checkpoint(tmp_path / "last.ckpt")["global_step"] == 5
    module, data = parts(facades)
    trainer(tmp_path).fit(module, datamodule=data, ckpt_path=caught.value.checkpoint)
    assert same(state_of(tmp_path / "last.ckpt"), state_of(uninterrupted / "last.ckpt"))


def test_a_stop_during_validation_resumes_too(facades, uninterrupted, tmp_path):
    module, data = parts(facades)
    stop = StopAfter(lambda: module.trainer.validating)
    with pytest.raises(TrainingInterrupted) as caught:
        trainer(tmp_path, stop=stop).fit(module, datamodule=data)
    module, data = parts(facades)
    trainer(tmp_path).fit(module, datamodule=data, ckpt_path=caught.value.checkpoint)
    assert same(state_of(tmp_path / "last.ckpt"), state_of(uninterrupted / "last.ckpt"))


def test_a_value_that_is_no_number_is_neither_the_best_nor_keeps_its_place(facades, tmp_path):
    module, data = parts(facades)
    run = trainer(tmp_path, max_steps=9)
    measured = iter((float("nan"), 12.0, float("inf")))
    module.metrics.compute = lambda: Results({"psnr": next(measured)})
    run.fit(module, datamodule=data)
    (writer,) = (one for one in run.callbacks if isinstance(one, CheckpointWriter))
    assert (writer.best_value, writer.best_step) == (12.0, 6)
    assert read_checkpoint(tmp_path / "best.ckpt")["global_step"] == 6


def test_the_best_of_one_metric_is_not_measured_against_another(tmp_path):
    before = CheckpointWriter(tmp_path)
    before.best_value, before.best_step = 20.0, 5
    for settings, kept in (({}, 20.0), ({"monitor": "val/ssim"}, None), ({"mode": "min"}, None)):
        after = CheckpointWriter(tmp_path, **settings)
        after.load_state_dict(before.state_dict())
        assert after.best_value == kept


def test_a_training_by_steps_ends_with_a_validation(facades, tmp_path):
    module, data = parts(facades)
    run = trainer(tmp_path, max_steps=2)
    run.fit(module, datamodule=data)
    assert "val/psnr" in run.callback_metrics and (tmp_path / "best.ckpt").exists()


def test_a_checkpoint_of_another_model_is_refused(facades, uninterrupted, tmp_path):
    module, data = parts(facades)
    module.description = ModelDescription(module.description.spec, {**module.description.generator, "s2": 8})
    with pytest.raises(UserError, match=r"another model:\s+generator\.s2: 8 here, 4 in the file"):
        trainer(tmp_path).fit(module, datamodule=data, ckpt_path=str(uninterrupted / "last.ckpt"))


def test_weights_that_are_not_finite_are_never_written(facades, tmp_path):
    module, data = parts(facades)
    run = trainer(tmp_path, max_steps=4)
    original = module.on_before_optimizer_step

    def poison(optimizer):
        original(optimizer)
        if module.global_step == 2:  # the second update is under way
            for group in optimizer.param_groups:
                group["params"][0].grad.fill_(float("nan"))

    module.on_before_optimizer_step = poison
    with pytest.raises(UserError, match="diverged"):
        run.fit(module, datamodule=data)
    assert read_checkpoint(tmp_path / "last.ckpt")["global_step"] == 1


class SaveInValidation(Callback):
    """Writes a checkpoint at every validation, as those that choose the best do."""

    def __init__(self, folder):
        self.folder = folder

    def on_validation_end(self, trainer, module):
        trainer.save_checkpoint(self.folder / f"batch_{trainer.fit_loop.epoch_loop.total_batch_idx}.ckpt")


WINDOWS = {"network": NoisyInValidation, "accumulate": 2}  # an epoch: batches 0 and 1, then 2 alone
VALIDATED = {"val_check_interval": 1, "max_steps": 4}  # after every batch


@pytest.fixture(scope="module")
def in_windows(facades, tmp_path_factory):
    folder = tmp_path_factory.mktemp("windows")
    module, data = parts(facades, **WINDOWS)
    run = trainer(folder, **VALIDATED)
    run.callbacks.append(SaveInValidation(folder))
    run.fit(module, datamodule=data)
    return folder


@pytest.mark.parametrize("batch", range(5))
def test_a_checkpoint_from_inside_a_window_resumes_at_its_beginning(facades, in_windows, tmp_path, batch):
    """From a validation after any batch, also after the first of a window."""
    begun = state_of(in_windows / f"batch_{batch}.ckpt")
    module, data = parts(facades, **WINDOWS)
    trainer(tmp_path, **VALIDATED).fit(
        module, datamodule=data, ckpt_path=str(in_windows / f"batch_{batch}.ckpt")
    )
    assert begun["global_step"] == [0, 1, 2, 2, 3][batch]
    for step in range(begun["global_step"] + 1, 5):
        name = f"step_{step:08d}.ckpt"
        assert same(state_of(tmp_path / name), state_of(in_windows / name)), name


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_training_that_was_killed_inside_a_window_resumes(facades, in_windows, tmp_path, step):
    """What was done since the last update is done again."""
    module, data = parts(facades, **WINDOWS)
    trainer(tmp_path, **VALIDATED).fit(
        module, datamodule=data, ckpt_path=str(in_windows / f"step_{step:08d}.ckpt")
    )
    assert same(state_of(tmp_path / "last.ckpt"), state_of(in_windows / "last.ckpt"))


def test_a_stop_in_a_validation_inside_a_window_resumes(facades, in_windows, tmp_path):
    module, data = parts(facades, **WINDOWS)
    stop = StopAfter(lambda: module.trainer.validating and module.global_step == 2 and module.held_batches)
    with pytest.raises(TrainingInterrupted) as caught:
        trainer(tmp_path, stop=stop, **VALIDATED).fit(module, datamodule=data)
    module, data = parts(facades, **WINDOWS)
    run = trainer(tmp_path, **VALIDATED)
    run.callbacks.append(SaveInValidation(tmp_path))
    run.fit(module, datamodule=data, ckpt_path=caught.value.checkpoint)
    assert same(state_of(tmp_path / "last.ckpt"), state_of(in_windows / "last.ckpt"))
    assert (tmp_path / "batch_3.ckpt").exists(), "the validation that was stopped is done"


def test_how_often_one_validates_makes_no_difference(facades, in_windows, tmp_path):
    module, data = parts(facades, **WINDOWS)
    trainer(tmp_path, max_steps=4, limit_val_batches=0).fit(module, datamodule=data)
    assert same(state_of(tmp_path / "last.ckpt"), state_of(in_windows / "last.ckpt"))
