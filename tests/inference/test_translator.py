"""A checkpoint alone translates images of any size."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import small
from asap_lightning.checkpoint import ENTRY
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator, load_generator, to_uint8
from asap_lightning.inference.checks import class_ids, instance_ids, picture
from asap_lightning.inference.padding import pad_condition
from asap_lightning.inference.seeding import seeded
from asap_lightning.models import AsapGenerator, Generator, GeneratorOutput
from asap_lightning.training import ModelDescription

SETTINGS = {**small.ASAP, "s1": 2}
LABELS = ConditionSpec(num_classes=4, has_unknown=True, instance_edges=True)


def save(path, spec=LABELS, ema=True, **changes):
    torch.manual_seed(2)
    generator = AsapGenerator(spec, **SETTINGS)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    state = {f"generator.{k}": v for k, v in generator.state_dict().items()}
    if ema:
        state |= {f"ema_generator.module.{k}": v * 0.5 for k, v in generator.state_dict().items()}
    target = "asap_lightning.models.AsapGenerator"
    entry = ModelDescription(spec.as_dict(), {"_target_": target, **SETTINGS}).as_dict()
    torch.save({"state_dict": state, ENTRY: {**entry, **changes}}, path)
    return generator.eval()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.ckpt"
    save(path)
    return path


def test_pixels_are_rounded_to_the_nearest():
    levels = torch.arange(256.0)
    for off in (-0.49, 0.0, 0.49):
        assert torch.equal(to_uint8((levels + off) / 127.5 - 1), levels.to(torch.uint8))
    assert to_uint8(torch.tensor([-3.0, 3.0])).tolist() == [0, 255], "what lies outside is cut"


def test_it_equals_the_generator_on_sizes_that_fit(checkpoint, tmp_path):
    generator = save(tmp_path / "twin.ckpt")
    translator = Translator(checkpoint, device="cpu", weights="raw")
    label, instance = np.random.default_rng(0).integers(0, 5, (2, 16, 24))
    image = translator(label, instance)
    with torch.no_grad():
        condition = Condition(label=torch.from_numpy(label)[None], instance=torch.from_numpy(instance)[None])
        expected = to_uint8(generator(condition).image)[0].permute(1, 2, 0).numpy()
    assert image.dtype == np.uint8 and image.shape == (16, 24, 3)
    assert np.abs(image.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (16, 17), (33, 24)])
def test_any_size_is_translated_to_the_same_size(checkpoint, size):
    translator = Translator(checkpoint, device="cpu")
    assert translator(np.zeros(size, np.uint8), np.zeros(size, np.int32)).shape == (*size, 3)


def test_padding_repeats_the_border():
    condition = Condition(label=torch.tensor([[[0, 1], [2, 3]]]), instance=torch.tensor([[[7, 8], [9, 10]]]))
    padded = pad_condition(condition, 3)
    assert padded.label.tolist() == [[[0, 1, 1], [2, 3, 3], [2, 3, 3]]]
    assert padded.instance.tolist() == [[[7, 8, 8], [9, 10, 10], [9, 10, 10]]]
    assert pad_condition(condition, 2) is condition
    styled = Condition(label=condition.label, style=torch.tensor([[0.5, 2.0]]))
    assert pad_condition(styled, 3).style.tolist() == [[0.5, 2.0]], "a style code has no border"
    assert pad_condition(condition, 2, minimum=4).height == 4


def test_averaged_weights_are_the_default_and_raw_ones_a_choice(checkpoint):
    name = "lowres_stream.to_phi.weight"
    raw = load_generator(checkpoint, "raw")[0].state_dict()[name]
    torch.testing.assert_close(load_generator(checkpoint)[0].state_dict()[name], raw * 0.5)
    torch.testing.assert_close(load_generator(checkpoint, "ema")[0].state_dict()[name], raw * 0.5)


def test_255_is_the_unknown_class(checkpoint):
    translator = Translator(checkpoint, device="cpu")
    last = np.full((16, 16), 4, np.uint8)
    instance = np.zeros((16, 16), np.int32)
    assert np.array_equal(translator(np.full_like(last, 255), instance), translator(last, instance))


def test_continuous_conditions(tmp_path):
    spec = ConditionSpec(kind="image", channels=3)
    save(tmp_path / "rgb.ckpt", spec)
    translator = Translator(tmp_path / "rgb.ckpt", device="cpu")
    picture = np.random.default_rng(1).integers(0, 256, (20, 18, 3), dtype=np.uint8)
    assert translator(picture).shape == (20, 18, 3)
    assert np.abs(translator(picture).astype(int) - translator(picture / 127.5 - 1)).max() <= 1
    with pytest.raises(UserError, match="images of 3 channels"):
        translator(picture[..., 0])


def test_mistakes_are_named(checkpoint, tmp_path):
    translator = Translator(checkpoint, device="cpu")
    instance = np.zeros((16, 16), np.int32)
    with pytest.raises(UserError, match=r"label ids \[9\] are outside the model's classes 0\.\.4"):
        translator(np.full((16, 16), 9), instance)
    with pytest.raises(UserError, match="instance map is needed"):
        translator(np.zeros((16, 16), int))
    with pytest.raises(UserError, match=r"the instance map is \(16, 16\), the label map \(8, 8\)"):
        translator(np.zeros((8, 8), int), instance)
    with pytest.raises(UserError, match=r"\(H, W\) of integers"):
        translator(np.zeros((16, 16, 3)), instance)
    with pytest.raises(UserError, match="there is no checkpoint"):
        Translator(tmp_path / "absent.ckpt")
    with pytest.raises(UserError, match="device=gpu9 is not a device"):
        Translator(checkpoint, device="gpu9")


def test_files_that_are_no_checkpoints_of_ours(tmp_path):
    (tmp_path / "empty.ckpt").write_bytes(b"")
    (tmp_path / "text.ckpt").write_text("hello")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.ckpt")
    torch.save({"module": torch.nn.Linear(1, 1)}, tmp_path / "pickle.ckpt")
    save(tmp_path / "future.ckpt", format=99)
    save(tmp_path / "evil.ckpt", generator={"_target_": "os.system", "command": "true"})
    save(
        tmp_path / "misfit.ckpt",
        generator={"_target_": "asap_lightning.models.AsapGenerator", "s1": 1, "s2": 4},
    )
    save(tmp_path / "raw.ckpt", ema=False)
    for name, message in {
        "empty.ckpt": "no checkpoint: it is empty",
        "text.ckpt": "damaged or not a checkpoint",
        "other.ckpt": "not a checkpoint of this program",
        "pickle.ckpt": r"holds Python objects \(torch.nn.modules.linear.Linear\)",
        "future.ckpt": "format 99 .* upgrade",
        "evil.ckpt": "refused to build 'os.system'",
        "misfit.ckpt": "weights do not fit",
    }.items():
        with pytest.raises(UserError, match=message):
            load_generator(tmp_path / name)
    with pytest.raises(UserError, match="weights=raw"):
        load_generator(tmp_path / "raw.ckpt", "ema")


def test_a_truncated_checkpoint_is_reported(checkpoint, tmp_path):
    cut = tmp_path / "cut.ckpt"
    cut.write_bytes(checkpoint.read_bytes()[:-200])
    with pytest.raises(UserError, match=r"cut\.ckpt .* is damaged"):
        load_generator(cut)


BIG = ConditionSpec(num_classes=300, has_unknown=True)


def test_ids_are_looked_at_before_they_are_made_narrow():
    spec = ConditionSpec(num_classes=4, has_unknown=True)
    for dtype in (np.uint8, np.int16, np.uint16, np.uint32, np.int64, np.uint64, ">u2", ">i8"):
        ids = class_ids(np.array([[0, 3, 4, 255 if np.dtype(dtype).itemsize > 1 else 4]], dtype), spec)
        assert ids.dtype == np.int32 and ids.tolist() == [[0, 3, 4, 4]]
    for value, dtype in (
        (2**32 + 1, np.int64), (2**32, np.uint64), (2**64 - 1, np.uint64), (-(2**32) + 1, np.int64),
        (-1, np.int8), (65535, np.uint16), (256, np.int32), (5, np.uint8),
    ):  # fmt: skip
        with pytest.raises(UserError, match=rf"label ids \[{value}\] are outside"):
            class_ids(np.array([[0, value]], dtype), spec)
    for array in (np.ones((2, 2), bool), np.ones((2, 2)), np.ones((2, 2), complex), np.ones((0, 2), int)):
        with pytest.raises(UserError, match=r"\(H, W\) of integers"):
            class_ids(array, spec)


def test_255_is_a_class_where_there_are_so_many():
    assert class_ids(np.array([[255, 299, 300]]), BIG).tolist() == [[255, 299, 300]]
    assert class_ids(np.array([[255]]), ConditionSpec(num_classes=255, has_unknown=True)).tolist() == [[255]]
    with pytest.raises(UserError, match="outside"):
        class_ids(np.array([[301]]), BIG)
    with pytest.raises(UserError, match="outside"):
        class_ids(np.array([[255]]), ConditionSpec(num_classes=255))


def test_instances_that_differ_still_differ():
    wide = np.array([[1, 2**32 + 1, 2**33 + 1]])
    assert len(set(instance_ids(wide, (1, 3))[0].tolist())) == 3
    assert instance_ids(np.array([[7, 8]], np.uint16), (1, 2)).tolist() == [[7, 8]]
    least, most = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    assert instance_ids(np.array([[least, most]]), (1, 2)).tolist() == [[least, most]], "they fit"
    with pytest.raises(UserError, match="of integers"):
        instance_ids(np.array([[0.25, 0.75]]), (1, 2))


@pytest.mark.parametrize(
    ("kind", "channels", "value", "message"),
    [
        ("image", 3, np.full((2, 2, 3), 65535, np.uint16), "uint16"),
        ("image", 3, np.full((2, 2, 3), 200), "int64"),
        ("image", 3, np.full((2, 2, 3), 200.0), "from 200 to 200"),
        ("image", 3, np.full((2, 2, 3), np.nan), "from nan"),
        ("image", 3, np.ones((2, 2, 3), bool), "bool"),
        ("depth", 1, np.full((2, 2), 1500, np.uint16), "uint16"),
        ("depth", 1, np.full((2, 2), 4.0, np.float32), "from 4 to 4"),
        ("depth", 1, np.full((2, 2), 255, np.uint8), "uint8"),
    ],
)
def test_pictures_of_an_unknown_range_are_refused(kind, channels, value, message):
    with pytest.raises(UserError, match=message):
        picture(value, ConditionSpec(kind=kind, channels=channels))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_floats_in_range_are_taken_as_they_are(dtype):
    planes = picture(np.array([[-1.0, 0.5, 1.0]], dtype), ConditionSpec(kind="depth", channels=1))
    assert planes.dtype == torch.float32 and planes.tolist() == [[[-1.0, 0.5, 1.0]]]


class Draws(Generator):
    """Takes its noise in two draws, with other threads in between."""

    spec = ConditionSpec(num_classes=2)

    def forward(self, condition):
        first = torch.randn(1, 3, condition.height, condition.width)
        time.sleep(0)
        return GeneratorOutput((first + torch.randn_like(first)).tanh())


def test_threads_with_seeds_of_their_own_do_not_disturb_each_other():
    translators = [Translator.from_generator(Draws(), device="cpu") for _ in range(2)]
    label = np.zeros((8, 8), np.uint8)
    expected = [translators[0](label, seed=seed) for seed in range(4)]
    assert not np.array_equal(expected[0], expected[1])
    before = torch.get_rng_state()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: translators[i % 2](label, seed=i % 4), range(100)))
    assert all(np.array_equal(image, expected[i % 4]) for i, image in enumerate(found))
    assert torch.equal(torch.get_rng_state(), before)


def test_what_draws_nothing_waits_for_nobody(checkpoint):
    translator = Translator(checkpoint, device="cpu")
    assert not translator.generator.draws
    with seeded(0, torch.device("cpu")):  # another thread's turn
        assert translator(np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.int32)).shape == (8, 8, 3)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_a_gpu_that_is_not_here_is_named(checkpoint):
    with pytest.raises(UserError, match="device=cuda, but torch sees no CUDA GPU here; use device=cpu"):
        Translator(checkpoint, device="cuda")


@pytest.mark.parametrize(("prepare", "expected"), [(None, True), (True, True), (False, False)])
def test_a_generator_is_prepared_on_the_cpu_unless_it_shall_not_be(
    checkpoint, monkeypatch, prepare, expected
):
    prepared = []
    monkeypatch.setattr(AsapGenerator, "prepare_for_inference", lambda self, dtype: prepared.append(self))
    Translator(checkpoint, device="cpu", prepare=prepare)
    assert bool(prepared) == expected
