"""Table 4: the weights of the two generators, layer by layer."""

import lowreel

PAPER = {
    "paper-rgb": (2_097_152, 2_097_152, 524_288, 131_072, 3_072),
    "paper-grey": (131_072, 524_288, 131_072, 32_768, 512),
}

if __name__ == "__main__":
    print(__doc__)
    for name, wanted in PAPER.items():
        found = [p.numel() for p in lowreel.pretrained(name).parameters()]
        for layer, (here, paper) in enumerate(zip(found, wanted, strict=True), start=1):
            print(f"{name:<12} layer {layer}  {here:>9,}  paper {paper:>9,}")
        print(f"{name:<12} all      {sum(found):>9,}  paper {sum(wanted):>9,}")
