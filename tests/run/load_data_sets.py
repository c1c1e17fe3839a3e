"""usage: load_data_sets.py '[[form, files, folder], ...]' SPLITS     datasets, pandas and pyarrow read what data_sets.py exported, and agree."""
import json
import pathlib
import sys

import datasets
import pandas
import pyarrow.parquet

LIBRARIES = f"datasets {datasets.__version__}, pandas {pandas.__version__}, pyarrow {pyarrow.__version__}"


def same(what, expected, found):
    if expected != found:
        first = next(i for i, (a, b) in enumerate(zip(expected, found)) if a != b) if len(expected) == len(found) else None
        sys.exit(f"{what}: {len(expected)} and {len(found)} rows, first difference at {first}: {expected[first or 0]} / {found[first or 0]}")


def plain(value):
    """numpy arrays of pandas as lists."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [plain(v) for v in value] if isinstance(value, list) else value


for form, files, folder in json.loads(sys.argv[1]):
    path = pathlib.Path(folder) / f"train.{files}"
    expected = [json.loads(line) for line in (pathlib.Path(folder).parent / f"{form}-jsonl" / "train.jsonl").read_text().split("\n") if line]
    # By the folder, as from the Hub: the card names the files.
    loaded = datasets.load_dataset(folder, split="train")
    same(f"datasets, {folder}", expected, loaded.to_list())
    if files == "parquet":
        same(f"pyarrow, {path}", expected, pyarrow.parquet.read_table(path).to_pylist())
        same(f"pandas, {path}", expected, [plain(row) for row in pandas.read_parquet(path).to_dict("records")])
    else:
        same(f"pandas, {path}", expected, pandas.read_json(path, lines=True, precise_float=True).to_dict("records"))
    if form == "messages" and (len(loaded[0]["messages"]) != 2 or loaded[0]["messages"][0]["role"] != "user"):
        sys.exit(f"{folder}: not the conversational form of TRL")
both = datasets.load_dataset(sys.argv[2])
if set(both) != {"train", "validation"}:
    sys.exit(f"splits: {both}")
print("read alike by", LIBRARIES)
