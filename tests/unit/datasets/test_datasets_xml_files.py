import pytest

from murid.datasets.xml_files import find_root, load_xml
from murid.errors import FormatError


def test_content(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<!-- <no> -->\n<a><b c="1">grün</b></a>', "utf-8"
    )
    root = load_xml(path)
    assert (root.tag, root[0].tag, root[0].get("c"), root[0].text) == ("a", "b", "1", "grün")
    assert find_root(path) == "a"
    path.write_text('<?xml version="1.0" encoding="utf-16"?><a/>', "utf-16")
    assert load_xml(path).tag == "a"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>',
            "expected XML without entities, got the entity x",
        ),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "the entity x"),
        ("<a><b></a>", "line 1, column 9: expected XML, got mismatched tag"),
        ("", "expected XML, got no element found"),
    ],
)
def test_files_that_are_refused(tmp_path, content, message):
    (tmp_path / "a.xml").write_text(content)
    with pytest.raises(FormatError, match=message):
        load_xml(tmp_path / "a.xml")


def test_other_files_have_no_root(tmp_path):
    (tmp_path / "a.xml").write_bytes(b"\0\1\2")
    (tmp_path / "a.json").write_text("<a/>")
    for name in ("a.xml", "a.json", "none.xml"):
        assert find_root(tmp_path / name) == ""
