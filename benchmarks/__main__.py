"""`python -m benchmarks NAME`: paper_joint, quality, grid, latent, layers, operators, training, starts, scale."""

import sys

from . import grid, latent, layers, operators, paper_joint, quality, scale, starts, training

NAMES = {
    "paper_joint": paper_joint.main,
    "latent": latent.main,
    "layers": layers.main,
    "operators": operators.main,
    "quality": quality.main,
    "grid": grid.main,
    "training": training.main,
    "starts": starts.main,
    "scale": scale.main,
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        sys.exit(f"python -m benchmarks: expected one of {', '.join(NAMES)}")
    NAMES[sys.argv[1]](sys.argv[2:])
