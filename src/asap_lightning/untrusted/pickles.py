"""An interpreter of pickles that makes plain data, tensors and inert shells, and can do nothing else.

Python's own unpickler calls whatever a file names. This one walks the opcodes (`pickletools.genops`), builds
lists, dictionaries and numbers itself, and knows a short table of names, each with a function of this package
behind it. Nothing is imported, no state is ever set on a class or on an object that is no stand-in, and the
work is bounded: by the number of opcodes, and by what the file can hold.
"""

from __future__ import annotations

import pickletools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, NoReturn

from torch import Tensor

from asap_lightning.untrusted import arrays, tensors
from asap_lightning.untrusted.shell import Shell

MAX_OPCODES = 2_000_000
MAX_PICKLE = 64 * 2**20
"""Bytes of one pickle; tensors lie outside of it."""
KEYS = (str, bytes, int, float, bool, type(None))


class Damaged(ValueError):
    """Not a pickle of plain data; says why."""


class PythonObjects(Exception):
    """A pickle names classes or functions that are not known here.

    Attributes:
        names: which, in order of appearance.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = list(names)


class Name:
    """A class or function that a pickle names: an inert word, with what stands for a call of it."""

    def __init__(self, module: str, name: str, call: Callable[..., Any] | None = None) -> None:
        self.module, self.name, self.call = module, name, call

    def __repr__(self) -> str:
        return f"{self.module}.{self.name}"


def _ordered(pairs: Any = ()) -> OrderedDict:
    if not isinstance(pairs, list | tuple) or not all(
        isinstance(p, list | tuple) and len(p) == 2 for p in pairs
    ):
        raise Damaged("an OrderedDict is made from other things than pairs")
    return OrderedDict((_key(key), value) for key, value in pairs)


def _counter(content: Any = None) -> dict:
    return content if isinstance(content, dict) else {}


def _set(items: Any = ()) -> set:
    return {_key(item) for item in items} if isinstance(items, list | tuple) else set()


def _complex(*parts: Any) -> complex:
    if not all(type(part) in (int, float) for part in parts[:2]):
        raise Damaged("a complex number has parts that are no numbers")
    return complex(*parts[:2])


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Damaged("bytes in an unusual spelling")
    return text.encode("latin1")


def _bytearray(content: Any = b"", encoding: Any = "latin1") -> bytes:
    return bytes(content) if isinstance(content, bytes) else _encode(content, encoding)


CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _ordered,
    "collections.defaultdict": lambda *_: {},
    "collections.Counter": _counter,
    "builtins.set": _set,
    "builtins.frozenset": lambda items=(): frozenset(_set(items)),
    "builtins.complex": _complex,
    "builtins.slice": lambda *bounds: slice(*bounds[:3]),
    "builtins.bytearray": _bytearray,
    "builtins.bytes": _bytearray,
    "_codecs.encode": _encode,
    "torch.Size": tensors.size_of,
    "torch.device": tensors.device,
    "torch._utils._rebuild_tensor": tensors.rebuild,
    "torch._utils._rebuild_tensor_v2": tensors.rebuild,
    "torch._utils._rebuild_tensor_v3": tensors.rebuild_as,
    "torch._utils._rebuild_parameter": tensors.parameter,
    "torch._utils._rebuild_parameter_with_state": tensors.parameter,
    "torch.nn.parameter.Parameter": tensors.parameter,
    "numpy.dtype": arrays.dtype,
}
for _module in ("numpy.core", "numpy._core"):
    CALLS[f"{_module}.multiarray.scalar"] = arrays.scalar
    CALLS[f"{_module}.multiarray._reconstruct"] = lambda *_: arrays.Array()
    CALLS[f"{_module}.numeric._frombuffer"] = arrays.from_bytes
WORDS = {"numpy.ndarray"} | {
    f"builtins.{name}" for name in ("list", "dict", "tuple", "int", "float", "bool", "str", "object")
}
"""Names that data mentions (the type of an option) and never calls."""
# Modules of the original programs whose classes are networks or parts of them, and the options beside.
SHELLS = (
    "argparse.Namespace",
    "torch.nn.modules.",
    "torch.nn.utils.spectral_norm.",
    "torch.nn.backends.",
    "models.",
    "networks.",
    "SinGAN.",
)


class Unpickler:
    """Reads one pickle.

    Args:
        file: positioned at its beginning; is left behind its end.
        shells: whether networks that were saved whole, and options, become shells.
        persistent: what the tuples stand for by which ``torch.save`` refers to storages.
    """

    def __init__(
        self, file: BinaryIO, *, shells: bool = False, persistent: Callable[[Any], Any] | None = None
    ) -> None:
        self.file, self.shells, self.persistent = file, shells, persistent
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.foreign: dict[str, None] = {}
        self.unfinished = 0  # arrays whose content has not come yet

    def load(self) -> Any:
        """The content.

        Raises:
            Damaged: not a pickle, or one of other things than data.
            PythonObjects: it names classes or functions that are not known.
        """
        try:
            content = self._run()
        except (ValueError, IndexError, KeyError, TypeError, OverflowError, RuntimeError) as error:
            if not self.foreign:
                reason = (
                    str(error) if isinstance(error, ValueError | RuntimeError) else "its opcodes do not fit"
                )
                raise Damaged((reason or type(error).__name__).splitlines()[0]) from error
        if self.foreign:
            raise PythonObjects(list(self.foreign))
        return content

    def _run(self) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(self.file)):
            if count > MAX_OPCODES:
                raise Damaged(f"it has more than {MAX_OPCODES} opcodes")
            if opcode.name == "STOP":
                break
            if opcode.name in _PUSHED:
                self.stack.append(argument)
            else:
                _ACTIONS.get(opcode.name, _unknown)(self, argument)
        if len(self.stack) != 1 or self.marks or self.unfinished:
            raise Damaged("its opcodes do not fit")
        return self.stack.pop()

    def _from_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def name(self, module: Any, name: Any) -> Any:
        """What a name stands for: a `Name`, or a type of numbers itself."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise Damaged("a class has a name that is no text")
        full = f"{module.replace('__builtin__', 'builtins')}.{name}"
        if module == "torch" and name in tensors.DTYPES:
            return tensors.DTYPES[name]
        if full in CALLS:
            return Name(module, name, CALLS[full])
        if full in WORDS or (name in tensors.STORAGES and module in ("torch", "torch.storage", "torch.cuda")):
            return Name(module, name)
        if not (self.shells and full.startswith(SHELLS)):
            self.foreign[full] = None
        return Name(module, name, lambda *_: Shell())

    def call(self, function: Any, arguments: Any) -> Any:
        """What a call of a name gives."""
        if not isinstance(arguments, tuple | list):
            raise Damaged("a class is called without a list of arguments")
        if isinstance(function, Name) and function.call is not None:
            made = function.call(*arguments)
            self.unfinished += isinstance(made, arrays.Array)
            return made
        if isinstance(function, Shell) and self.foreign:
            return Shell()
        raise Damaged(f"it calls a {type(function).__name__}")

    def note(self, slot: int) -> None:
        """Remembers what lies on top."""
        top = self.stack[-1]
        if isinstance(top, arrays.Array):
            top.slots.append(slot)
        self.memo[slot] = top

    def extend(self, items: Sequence[Any]) -> None:
        """Appends to the list or set on top."""
        target = self.stack[-1]
        if type(target) is list:
            target.extend(items)
        elif type(target) is set:
            target.update(map(_key, items))
        elif not isinstance(target, Shell):
            raise Damaged(f"it appends to a {type(target).__name__}")

    def assign(self, items: Sequence[Any]) -> None:
        """Adds keys and values in turn to the dictionary on top."""
        target = self.stack[-1]
        if isinstance(target, Shell):
            return
        if not isinstance(target, dict):
            raise Damaged(f"it assigns items of a {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_key(key)] = value

    def build(self, state: Any) -> None:
        """Gives the stand-in on top its state."""
        target = self.stack[-1]
        if isinstance(target, Shell):
            target.take(state)
        elif isinstance(target, arrays.DType):
            target.set_state(state)
        elif isinstance(target, arrays.Array):
            self.stack[-1] = made = arrays.from_state(state)
            self.unfinished -= 1
            for slot in target.slots:
                self.memo[slot] = made
        elif isinstance(target, OrderedDict):
            metadata = state.get("_metadata") if isinstance(state, dict) else None
            if isinstance(metadata, dict):  # the versions of layers, beside a state dict
                target._metadata = metadata  # type: ignore[attr-defined]
        elif not isinstance(target, Tensor):  # old parameters carry hooks, which are dropped
            raise Damaged(f"it sets the state of a {type(target).__name__}")

    def refer(self, identity: Any) -> Any:
        """What a reference to a storage stands for."""
        if self.persistent is None:
            raise Damaged("it refers to tensors outside of itself")
        return self.persistent(identity)


def _key(key: Any) -> Any:
    """A key of a dictionary: plain, and not made to collide with others."""
    if type(key) not in KEYS or (type(key) is int and abs(key) >= 2**63):
        raise Damaged(f"a {type(key).__name__} is a key of a dictionary")
    return key


def _unknown(_: Unpickler, __: Any) -> NoReturn:
    raise Damaged("it uses opcodes that no checkpoint needs")


Action = Callable[[Unpickler, Any], Any]
_PUSHED = frozenset(
    [
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "FLOAT",
        "BINFLOAT",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "UNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "BINUNICODE8",
        "SHORT_BINBYTES",
        "BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    ]
)


def _push(make: Callable[[Unpickler, Any], Any]) -> Action:
    return lambda machine, argument: machine.stack.append(make(machine, argument))


def _last(machine: Unpickler, count: int) -> list[Any]:
    """Takes the last values off; not past a mark."""
    if len(machine.stack) - (machine.marks[-1] if machine.marks else 0) < count:
        raise Damaged("its opcodes do not fit")
    items = machine.stack[-count:]
    del machine.stack[-count:]
    return items


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return {_key(key): value for key, value in zip(items[::2], items[1::2], strict=True)}


def _pop(machine: Unpickler, _: Any) -> None:
    if machine.marks and machine.marks[-1] == len(machine.stack):
        machine.marks.pop()
    else:
        _last(machine, 1)


def _reduce(machine: Unpickler, _: Any) -> Any:
    return machine.call(*_last(machine, 2))


def _newobj(machine: Unpickler, _: Any) -> Any:
    return machine.call(*_last(machine, 2))


def _newobj_ex(machine: Unpickler, _: Any) -> Any:
    function, arguments, _keywords = _last(machine, 3)
    return machine.call(function, arguments)


def _inst(machine: Unpickler, argument: str) -> Any:
    module, _, name = argument.partition(" ")
    return machine.call(machine.name(module, name), machine._from_mark())


def _obj(machine: Unpickler, _: Any) -> Any:
    function, *arguments = machine._from_mark()
    return machine.call(function, arguments)


_ACTIONS: dict[str, Action] = {
    "PROTO": lambda machine, version: None if version <= 5 else _unknown(machine, version),
    "FRAME": lambda *_: None,
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "POP": _pop,
    "POP_MARK": lambda machine, _: machine._from_mark(),
    "DUP": _push(lambda machine, _: machine.stack[-1]),
    "NONE": _push(lambda *_: None),
    "NEWTRUE": _push(lambda *_: True),
    "NEWFALSE": _push(lambda *_: False),
    "EMPTY_LIST": _push(lambda *_: []),
    "EMPTY_TUPLE": _push(lambda *_: ()),
    "EMPTY_DICT": _push(lambda *_: {}),
    "EMPTY_SET": _push(lambda *_: set()),
    "LIST": _push(lambda machine, _: machine._from_mark()),
    "TUPLE": _push(lambda machine, _: tuple(machine._from_mark())),
    "TUPLE1": _push(lambda machine, _: tuple(_last(machine, 1))),
    "TUPLE2": _push(lambda machine, _: tuple(_last(machine, 2))),
    "TUPLE3": _push(lambda machine, _: tuple(_last(machine, 3))),
    "DICT": _push(lambda machine, _: _pairs(machine._from_mark())),
    "FROZENSET": _push(lambda machine, _: frozenset(map(_key, machine._from_mark()))),
    "APPEND": lambda machine, _: machine.extend(_last(machine, 1)),
    "APPENDS": lambda machine, _: machine.extend(machine._from_mark()),
    "ADDITEMS": lambda machine, _: machine.extend(machine._from_mark()),
    "SETITEM": lambda machine, _: machine.assign(_last(machine, 2)),
    "SETITEMS": lambda machine, _: machine.assign(machine._from_mark()),
    "BUILD": lambda machine, _: machine.build(_last(machine, 1)[0]),
    "GLOBAL": _push(lambda machine, argument: machine.name(*argument.split(" ", 1))),
    "STACK_GLOBAL": _push(lambda machine, _: machine.name(*_last(machine, 2))),
    "REDUCE": _push(_reduce),
    "NEWOBJ": _push(_newobj),
    "NEWOBJ_EX": _push(_newobj_ex),
    "INST": _push(_inst),
    "OBJ": _push(_obj),
    "BINPERSID": _push(lambda machine, _: machine.refer(_last(machine, 1)[0])),
    "PERSID": _push(lambda machine, argument: machine.refer(argument)),
    "MEMOIZE": lambda machine, _: machine.note(len(machine.memo)),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), lambda machine, slot: machine.note(slot)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _push(lambda machine, slot: machine.memo[slot])),
}
