"""`python -m benchmarks NAME`: speed."""

import sys

from . import speed

NAMES = {"speed": speed.main}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        sys.exit(f"python -m benchmarks: expected one of {', '.join(NAMES)}")
    NAMES[sys.argv[1]](sys.argv[2:])
