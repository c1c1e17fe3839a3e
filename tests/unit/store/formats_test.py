"""Runs the Python snippets of docs/formats.md on files that this program wrote.

usage: formats_test.py docs/formats.md FOLDER     FOLDER: from `store_samples FOLDER`, which writes expected.json there too
Exits 77 (skipped) without h5py.
"""
import json
import pathlib
import re
import sys

try:
    import h5py  # noqa: F401
except ImportError:
    print("h5py is not installed: skipped")
    sys.exit(77)

page, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
snippets = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
names = {}
for snippet in snippets:
    exec(snippet, names)
expected = json.loads((folder / "expected.json").read_text())

header = names["attributes"](folder / "partition.h5")
assert header["format"] == "equal-partition" and header["version"] == 1, header
assert header["content_digest"] == expected["partition_digest"], header
assert header["made_from.input"] == "abc", header
assert list(names["documents"](folder / "partition.h5")) == expected["documents"]
vectors = names["vectors"](folder / "embeddings.h5")
assert vectors.dtype == "float16" and vectors.tolist() == expected["vectors"], vectors
for cluster, members in enumerate(expected["members"]):
    assert names["members"](folder / "assignment.h5", cluster).tolist() == members
centroids, counts = names["centroids"](folder / "clusters.h5")
assert centroids.tolist() == expected["centroids"] and counts.tolist() == expected["counts"]
assert list(names["records"](next((folder / "journal").iterdir()))) == expected["records"]
print(f"{len(snippets)} snippets read what was written")
