"""Table 4: weights of the paper's generators, layer by layer, counted in the networks that ship.

python -m benchmarks layers
"""

from __future__ import annotations

from lowreel.model.generators import make

LAYERS = ("fully connected, reshape, ReLU", "deconvolution 1, ReLU", "deconvolution 2, ReLU", "deconvolution 3, ReLU")
PAPER = {
    "paper-rgb": (2_097_152, 2_097_152, 524_288, 131_072, 3_072),
    "paper-grey": (131_072, 524_288, 131_072, 32_768, 512),
}


def main(arguments: list[str]) -> None:
    counts = {}
    for name, channels in (("paper-rgb", 3), ("paper-grey", 1)):
        counts[name] = [w.numel() for w in make(name, (channels, 64, 64)).parameters()]
    print(f"{'layer':<34}{'paper-rgb':>12}{'paper':>12}{'paper-grey':>14}{'paper':>12}")
    for k, layer in enumerate((*LAYERS, "deconvolution 4, tanh")):
        rgb, grey = (f"{counts[n][k]:>12,}{PAPER[n][k]:>12,}" for n in PAPER)
        print(f"{layer:<34}{rgb}{grey:>26}")
    rgb, grey = (f"{sum(counts[n]):>12,}{sum(PAPER[n]):>12,}" for n in PAPER)
    print(f"{'in all':<34}{rgb}{grey:>26}")
    same = all(tuple(counts[name]) == PAPER[name] for name in PAPER)
    print("every layer agrees with the paper" if same else "NOT every layer agrees with the paper")
