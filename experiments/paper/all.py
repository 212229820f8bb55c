"""Every table and figure, one after the other; what has been made before is not made again."""

import subprocess
import sys
from pathlib import Path

SCRIPTS = [f"table{k}.py" for k in (1, 2, 3, 4)] + [f"figure{k}.py" for k in range(3, 12)]


def run(script: str, *arguments: str, quiet: bool = False) -> str:
    """Run a script beside this one; what it printed, where it is quiet. Ends with its exit code where it fails."""
    ended = subprocess.run(
        [sys.executable, Path(__file__).with_name(script), *arguments], text=True, capture_output=quiet
    )
    if ended.returncode:
        sys.exit(ended.stderr or ended.returncode)
    return ended.stdout or ""


if __name__ == "__main__":
    full = ["--full"] if "--full" in sys.argv[1:] else []
    for script in SCRIPTS:
        if script != "table4.py":
            print(run(script, "--minutes", *full, quiet=True), end="", flush=True)
    print("Fits that several of them need are made once.", flush=True)
    for script in SCRIPTS:
        print(f"\n{script}", flush=True)
        run(script, *(full if script != "table4.py" else []))
    run("readme.py", *full)
