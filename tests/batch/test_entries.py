"""Lists of pictures: what they may hold, what pictures are called, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from asap_lightning.batch import read_list
from asap_lightning.errors import UserError


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_three_forms_say_the_same(tmp_path):
    texts = {
        "list.txt": "# pictures\na/1.png\n\nhttps://example.org/b/2.png?x=1\n",
        "list.csv": "source,other\na/1.png,x\nhttps://example.org/b/2.png?x=1,\n",
        "list.jsonl": '{"source": "a/1.png"}\n\n'
        '{"source": "https://example.org/b/2.png?x=1", "other": "x"}\n',
    }
    for name, text in texts.items():
        first, second = read_list(written(tmp_path, name, text), tmp_path)
        assert (first.name, first.source) == ("a/1", str(tmp_path / "a/1.png"))
        assert (second.name, second.source) == ("example.org/b/2", "https://example.org/b/2.png?x=1")


def test_names_instances_and_paths_out_of_the_folder(tmp_path):
    text = f"source,name,instance\n../up/1.png,,i.png\n{tmp_path}/2.png,two,\n~/3.png,three,\n"
    one, two, three = read_list(written(tmp_path, "l.csv", text), tmp_path)
    assert (one.name, one.instance) == ("up/1", str(tmp_path / "i.png"))
    assert (two.name, two.source, two.instance) == ("two", str(tmp_path / "2.png"), None)
    assert three.source == str(Path.home() / "3.png")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("l.txt", "\n# nothing\n", "lists no pictures"),
        ("l.txt", "a.png\nb/../a.jpg\n", r"a\.png and .*a\.jpg would both be called a"),
        ("l.txt", "ftp://example.org/a.png\n", r"line 1: ftp://.*http\(s\)"),
        ("l.txt", "file:///etc/passwd\n", "line 1: file:///etc/passwd"),
        ("l.txt", "a" * 70_000, "a line of more than 65536"),
        ("l.csv", "path\na.png\n", "a column 'source', it has 'path'"),
        ("l.csv", "", "a column 'source', it has 'nothing'"),
        ("l.csv", "source,name\na.png,../../b\n", r"line 2: the name \.\./\.\./b leaves"),
        ("l.csv", "source,name\na.png,/etc/b\n", "the name /etc/b leaves"),
        ("l.csv", "source,name\n,b\n", "line 2: the source is missing"),
        ("l.jsonl", "[1]\n", "line 1: an object such as"),
        ("l.jsonl", "{\n", "line 1 is not JSON"),
        ("l.jsonl", '{"source": 3}\n', "line 1: source is 3; a text"),
    ],
)
def test_lists_that_are_refused(tmp_path, name, text, message):
    with pytest.raises(UserError, match=message):
        read_list(written(tmp_path, name, text), tmp_path)


def test_files_that_are_no_lists(tmp_path):
    (tmp_path / "l.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not text in UTF-8"):
        read_list(tmp_path / "l.txt", tmp_path)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_list(tmp_path / "none.txt", tmp_path)
