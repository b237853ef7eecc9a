import pytest

from murid.errors import ConfigError, FormatError
from murid.formats import FORMATS, find_format, guess_format, read_truth


def test_every_format_is_found_by_name_and_suffix():
    for name, known in FORMATS.items():
        assert find_format(name) is known
        assert guess_format(f"some/where/cage{known.suffix.upper()}") is known


def test_unknown_names_and_suffixes_list_the_known_ones():
    with pytest.raises(ConfigError, match="format: expected mot or csv, got 'xlsx'"):
        find_format("xlsx")
    with pytest.raises(FormatError, match=r"cage.xlsx: suffix: expected .txt or .csv, got '.xlsx'"):
        guess_format("cage.xlsx")


def test_ground_truth_is_read_by_suffix(tmp_path):
    (tmp_path / "gt.txt").write_text("1,1,0,0,5,5,1\n")
    assert read_truth(tmp_path / "gt.txt", n_frames=1).ids.tolist() == [1]
    with pytest.raises(FormatError, match="from 1 to 0"):
        read_truth(tmp_path / "gt.txt", n_frames=0)
    with pytest.raises(FormatError, match=r"gt.csv: suffix: expected .txt, a format of ground truth, got '.csv'"):
        read_truth(tmp_path / "gt.csv")
