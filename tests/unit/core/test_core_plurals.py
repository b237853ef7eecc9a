from murid.core.plurals import choose_form, format_count


def test_one_is_singular_and_others_are_plural():
    assert format_count(1, "frame") == "1 frame"
    assert format_count(0, "frame") == "0 frames"
    assert format_count(2, "identity", "identities") == "2 identities"
    assert choose_form(1, "was", "were") == "was"
