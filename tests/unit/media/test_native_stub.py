"""The stub of the native module says what the compiled module is: names, kinds and parameters."""

import ast
import inspect
from pathlib import Path

import pytest

import trunkline
from trunkline import _native

STUB = ast.parse((Path(trunkline.__file__).parent / "_native.pyi").read_text())
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}
FUNCTIONS = {node.name: node for node in STUB.body if isinstance(node, ast.FunctionDef)}


def public_names(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def stub_parameters(function: ast.FunctionDef, *, bound: bool = True) -> list[tuple[str, bool]]:
    """Names and whether they are keyword-only, the first (`self`, `cls`) of what is `bound` left out."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args][bound:]
    return [(argument.arg, False) for argument in positional] + [
        (argument.arg, True) for argument in arguments.kwonlyargs
    ]


def compiled_parameters(function: object) -> list[tuple[str, bool]]:
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    return [
        (parameter.name, parameter.kind is parameter.KEYWORD_ONLY)
        for parameter in parameters
        if parameter.name != "self"
    ]


def test_the_module_has_what_the_stub_has_and_no_more() -> None:
    assert public_names(_native) == set(CLASSES) | set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_has_the_parameters_of_the_stub(name: str) -> None:
    compiled = getattr(_native, name)
    assert compiled.__doc__, f"{name} has no docstring"
    assert compiled_parameters(compiled) == stub_parameters(FUNCTIONS[name], bound=False)


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_has_the_members_of_the_stub(name: str) -> None:
    compiled = getattr(_native, name)
    members = {node.name: node for node in CLASSES[name].body if isinstance(node, ast.FunctionDef)}
    constructor = members.pop("__new__", None)
    if constructor is None:
        with pytest.raises(TypeError):
            compiled()
    else:
        assert compiled_parameters(compiled) == stub_parameters(constructor)
    assert public_names(compiled) == set(members)
    for member, node in members.items():
        attribute = getattr(compiled, member)
        is_property = any(
            isinstance(mark, ast.Name) and mark.id == "property" for mark in node.decorator_list
        )
        assert inspect.isdatadescriptor(attribute) is is_property, member
        assert attribute.__doc__, f"{name}.{member} has no docstring"
        if not is_property:
            assert compiled_parameters(attribute) == stub_parameters(node), member
