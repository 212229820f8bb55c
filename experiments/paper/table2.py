"""Table 2: clips recovered from Gaussian projections, or from a fifth of their pixels."""

from tables import ARCHERY, MOVING, ROTATING, WALKING, WHEEL, Row, run

MISSING = "missing 0.8"

ROWS = (
    Row("Rotating MNIST, m = 200", ROTATING, "gaussian 200", (5, 5), (20.35, 20.75, 22.13, 30.9, 31, 32.97), (3,)),
    Row("Moving MNIST, m = 512", MOVING, "gaussian 512", (12, 4), (16.75, 16.9, 17.57, 24.43, 27.03, 27.2)),
    Row("Color Wheel, m = 1024", WHEEL, "gaussian 1024", (6, 6), (16.95, 17.96, 17.09, 21.92, 23.71, 21.8)),
    Row(
        "Archery, m = 512",
        ARCHERY,
        "gaussian 512",
        (16, 21),
        (21.58, 23.54, 23.15, 25.82, 26.9, 25.83),
        balanced=(5,),
        similarity_times=3000,
    ),
    Row("Rotating MNIST, 80 %", ROTATING, MISSING, (4, 3), (19.15, 25.07, 24.45, 26.54, 29.58, 28.53)),
    Row("Moving MNIST, 80 %", MOVING, MISSING, (9, 9), (16.44, 16.82, 17.34, 18.65, 19.02, 19.55), (3, 4, 5)),
    Row("Color Wheel, 80 %", WHEEL, MISSING, (6, 4), (16.54, 17.85, 16.75, 18.46, 19.96, 18.88)),
    Row("Archery, 80 %", ARCHERY, MISSING, (22, 21), (23.15, 23.8, 23.32, 23.6, 23.81, 23.57)),
    Row("Person Walking, 80 %", WALKING, MISSING, (21, 22), (25.34, 26.1, 25.9, 25.8, 26.17, 25.96)),
)

if __name__ == "__main__":
    run(ROWS, __doc__)
