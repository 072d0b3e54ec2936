"""Mutants of a module: its syntax tree with one place changed.

Another comparison or operator, a constant off by one, a statement left out, a branch that is never taken.
Messages, types and ``__repr__`` are left alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

OTHER = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult,
}  # fmt: skip
OTHER_NAME = {
    "round": "int", "int": "round", "floor": "ceil", "ceil": "floor", "min": "max", "max": "min",
    "any": "all", "all": "any", "amin": "amax", "amax": "amin", "mean": "sum", "sum": "mean",
}  # fmt: skip
MESSAGES = {
    "UserError",
    "ValueError",
    "TypeError",
    "RuntimeError",
    "warn",
    "warning",
    "info",
    "print",
    "cast",
}
UNSEEN = {"annotation", "returns", "decorator_list", "bases"}


@dataclass
class Site:
    """A place in a tree and what stands there instead."""

    parent: ast.AST
    field: str
    index: int | None
    old: ast.AST
    new: ast.AST

    def apply(self) -> None:
        """Changes the tree."""
        ast.copy_location(self.new, self.old)
        if self.index is None:
            setattr(self.parent, self.field, self.new)
        else:
            getattr(self.parent, self.field)[self.index] = self.new


def name_of(node: ast.AST) -> str:
    """The last name of ``a.b.c`` or ``c``."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def others(node: ast.AST) -> Iterator[ast.AST]:
    """What might as well have been written."""
    match node:
        case ast.Compare(left, [op], right) if type(op) in OTHER:
            yield ast.Compare(left, [OTHER[type(op)]()], right)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(OTHER[type(op)](), values)
        case ast.BinOp(left, op, right) if type(op) in OTHER:
            yield ast.BinOp(left, OTHER[type(op)](), right)
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(float(value)):
            yield ast.Constant(value * 2 or 1.0)
        case ast.Call(ast.Name(name), arguments, keywords) if name in OTHER_NAME:
            yield ast.Call(ast.Name(OTHER_NAME[name], ast.Load()), arguments, keywords)
        case ast.Call(ast.Attribute(value, name), arguments, keywords) if name in OTHER_NAME:
            yield ast.Call(ast.Attribute(value, OTHER_NAME[name], ast.Load()), arguments, keywords)
        case ast.Call(ast.Attribute(value, "detach" | "clone" | "float" | "copy"), [], []):
            yield value
        case ast.If(_, body, orelse):
            yield ast.If(ast.Constant(False), body, orelse)
        case ast.Return(value) if value is not None and not isinstance(value, ast.Constant):
            yield ast.Return(None)
        case (
            ast.Expr(ast.Call())
            | ast.AugAssign()
            | ast.Assign([ast.Attribute() | ast.Subscript()])
            | ast.Raise()
        ):
            yield ast.Pass()


def sites(node: ast.AST) -> Iterator[Site]:
    """Every place of a tree where something else might stand; messages, types and ``__repr__`` left out."""
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or field in UNSEEN:
                continue
            match child:
                case ast.JoinedStr() | ast.Assert() | ast.FunctionDef(name="__repr__"):
                    continue
                case ast.Call(function) if name_of(function) in MESSAGES:
                    continue
                case ast.Expr(ast.Constant()) | ast.If(ast.Name("TYPE_CHECKING")):
                    continue
                case ast.Expr(ast.Call(function)) if name_of(function) in MESSAGES:
                    continue
            yield from (Site(node, field, index, child, new) for new in others(child))
            yield from sites(child)
