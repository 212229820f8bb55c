"""`python -m benchmarks NAME`, NAME being one of those below."""

import sys

from . import (
    cluster,
    codes,
    compact,
    damage,
    estimate,
    fill,
    grid,
    holdout,
    latent,
    layers,
    operators,
    page_load,
    paper_joint,
    phantoms,
    quality,
    rate,
    robust,
    scale,
    scans,
    speed,
    starts,
    together,
    training,
    verdicts,
    watching,
)

NAMES = {
    "speed": speed.main,
    "estimate": estimate.main,
    "rate": rate.main,
    "fill": fill.main,
    "paper_joint": paper_joint.main,
    "latent": latent.main,
    "layers": layers.main,
    "operators": operators.main,
    "quality": quality.main,
    "grid": grid.main,
    "together": together.main,
    "training": training.main,
    "starts": starts.main,
    "scale": scale.main,
    "scans": scans.main,
    "phantoms": phantoms.main,
    "holdout": holdout.main,
    "verdicts": verdicts.main,
    "robust": robust.main,
    "damage": damage.main,
    "page_load": page_load.main,
    "cluster": cluster.main,
    "compact": compact.main,
    "codes": codes.main,
    "watching": watching.main,
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        sys.exit(f"python -m benchmarks: expected one of {', '.join(NAMES)}")
    NAMES[sys.argv[1]](sys.argv[2:])
