import pytest
from example_recordings import make_empty

from murid.errors import FormatError
from murid.export.checks import check_has_tracks


def test_no_animals_is_an_error_that_names_the_video():
    with pytest.raises(
        FormatError, match=r"cage 1.mp4: tracks: expected at least one animal, got none"
    ):
        check_has_tracks(make_empty())
