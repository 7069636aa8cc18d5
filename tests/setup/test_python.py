import pytest

from hub.setup.python import python_problem


@pytest.mark.parametrize("version", [(3, 10, 13), (3, 6, 15), (2, 7, 18)])
def test_an_old_python_is_named_with_what_to_do(version):
    told = python_problem(version)

    assert ".".join(map(str, version)) in told
    assert "3.11 or newer" in told
    assert told.count(". ") == 0


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 1), (4, 0, 0)])
def test_a_new_python_is_no_problem(version):
    assert python_problem(version) == ""
