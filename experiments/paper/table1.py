"""Table 1: clips known in full, represented by codes alone, or by codes and weights."""

from fits import Fit, fitted
from tables import ARCHERY, MOVING, ROTATING, WALKING, WHEEL, Row, run

ROWS = (
    Row("Rotating MNIST", ROTATING, "identity", (5, 5), (25.82, 25.73, 26.81, 33.75, 33.78, 33.9)),
    Row("Moving MNIST", MOVING, "identity", (5, 5), (18.55, 16.99, 18.51, 31.17, 31.16, 31.15)),
    Row("Color Wheel", WHEEL, "identity", (5, 5), (18.24, 17.97, 18.31, 22.07, 21.92, 22.05)),
    Row("Archery", ARCHERY, "identity", (5, 5), (24.15, 23.13, 24.49, 26.5, 23.15, 27.26)),
    Row("Person Walking", WALKING, "identity", (5, 5), (27.55, 23.30, 27.55, 27.9, 26.72, 27.91)),
)


def default_fit(row: Row) -> Fit:
    """Our own preset on a clip that is known in full: one fit with fixed settings."""
    return Fit((row.sequences(full=False)[0],), row.operator, "default")


if __name__ == "__main__":
    run(ROWS, __doc__)
    for row in ROWS:
        if default_fit(row).is_here:
            print(f"{row.name:<26} default preset {fitted(default_fit(row))['psnr_range']:.2f} dB")
