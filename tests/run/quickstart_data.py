"""The quickstart's data set, read by datasets, pandas and pyarrow."""
import json
import os
import pathlib
import subprocess
import sys

import environments
import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
subprocess.run([ROOT / "tools" / "quickstart", "--corpus-only"], check=True)
corpora = sorted(environments.CACHE.glob("manuals-*.jsonl"))
python = environments.python_with("results", "datasets", "pandas", "pyarrow", "zstandard")
here, workspace = pathlib.Path.cwd(), harness.fresh("run").absolute()
os.chdir(ROOT)  # the configuration names its references from there
harness.run(3, "run", "--config", "configs/quickstart.ini", "--workspace", workspace, "--inputs", corpora[-1], "--log.level", "warn")
os.chdir(here)
facts = harness.facts(workspace, "export")
folders = []
for files in ("jsonl", "parquet"):
    folder = harness.fresh(f"messages-{files}")
    os.chdir(ROOT)
    harness.run(2, "export", workspace, "--export.folder", (here / folder).absolute(), "--export.files", files, "--log.level", "warn")
    os.chdir(here)
    folders.append(["messages", files, str(folder)])
os.chdir(ROOT)
harness.run(2, "export", workspace, "--export.folder", (here / harness.fresh(here / "splits")).absolute(), "--export.validation", "0.1", "--log.level", "warn")
os.chdir(here)
if harness.sha256(pathlib.Path("messages-jsonl/train.jsonl")) != harness.sha256(workspace / "out" / "train.jsonl"):
    sys.exit("the export beside the run differs from the run's own")
print(f"{facts['pairs']} pairs of the quickstart, left out {facts['rejects']}")
environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(harness.fresh("hf").absolute()), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
sys.exit(subprocess.run([python, ROOT / "tests/run/load_data_sets.py", json.dumps(folders), "splits"], env=environment).returncode)
