import pytest

from murid.datasets.ids import IdentityNumbers, normalise_id, to_whole_number


@pytest.mark.parametrize("value", [3, 3.0, "3", "3.0", " 3 "])
def test_one_number_in_many_forms(value):
    assert to_whole_number(value) == 3
    assert normalise_id(value) == 3


@pytest.mark.parametrize("value", [True, 3.5, "3.5", "three", "", None, [3], float("nan"), "inf"])
def test_what_is_no_whole_number(value):
    assert to_whole_number(value) is None


def test_hashes_are_names():
    assert normalise_id(2**64) == str(2**64)
    assert normalise_id(str(2**64)) == str(2**64)


def test_large_numbers_keep_their_digits():
    assert normalise_id(2**60 + 1) == 2**60 + 1


def test_names_are_numbered_above_the_numbers():
    numbers = IdentityNumbers(["white", 3, None, "black", "white"])
    identities = ("white", "black", 3, None, "")
    assert [numbers.get_number(i) for i in identities] == [4, 5, 3, -1, -1]
