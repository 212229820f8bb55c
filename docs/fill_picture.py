"""Draw the picture of docs/fill.md, and write its record: python docs/fill_picture.py sst.nc docs/fill.png.

A made-up sea-surface temperature: a front that an eddying current carries along, clouds that move, a coast, noise of
0.05 degrees. It is filled by `lowreel fill sst.nc -o filled.nc --inside sea`, and what the clouds hid is known here.
"""

import sys
from pathlib import Path

import netCDF4
import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter, map_coordinates

from lowreel.cli.commands import call

DAYS, HEIGHT, WIDTH, DAY = 8, 90, 130, 4


def smooth(rng: np.random.Generator, size: float) -> np.ndarray:
    """A random field of mean 0 and spread 1, smooth over `size` pixels; (H, W)."""
    field = gaussian_filter(rng.standard_normal((HEIGHT, WIDTH)), size, mode="nearest")
    return (field - field.mean()) / field.std()


def made(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Temperatures (T, H, W), where clouds hide them, and where the sea is."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    heat = 17 + 2 * np.tanh((y - 45 - 8 * np.sin(x / 18)) / 6) + 0.5 * smooth(rng, 10) + 0.15 * smooth(rng, 3)
    stream, days, clouds = 30 * smooth(rng, 12), [], []
    cloud = smooth(rng, 7)
    for day in range(DAYS):
        stream = 0.95 * stream + 9 * smooth(rng, 12)
        down, across = np.gradient(stream)
        heat = map_coordinates(heat, [y - 0.6 * across, x + 0.6 * down], order=1, mode="nearest")
        heat = heat + 0.05 * smooth(rng, 4)
        days.append(heat + 0.15 * day + 0.05 * rng.standard_normal((HEIGHT, WIDTH)))
        cloud = 0.4 * np.roll(cloud, (4, 12), (0, 1)) + smooth(rng, 7)
        clouds.append(cloud > np.quantile(cloud, rng.uniform(0.3, 0.75)))
    coast = y + 6 * np.sin(x / 15) < 10 + 4 * smooth(rng, 6)
    return np.array(days), np.array(clouds), ~coast


def write(path: str, values: np.ndarray, known: np.ndarray, sea: np.ndarray) -> None:
    """The record as a NetCDF file, packed in 16 bits."""
    axes = {"time": np.arange(DAYS), "lat": 35 + np.arange(HEIGHT) / 24, "lon": -5 + np.arange(WIDTH) / 24}
    with netCDF4.Dataset(path, "w") as file:
        for (name, numbers), units in zip(
            axes.items(), ("days since 2024-06-01", "degrees_north", "degrees_east"), strict=True
        ):
            file.createDimension(name, len(numbers))
            file.createVariable(name, "f8", (name,)).units = units
            file[name][:] = numbers
        file.createVariable("sea", "i1", ("lat", "lon"))[:] = sea
        sst = file.createVariable("sst", "i2", ("time", "lat", "lon"), fill_value=-32768, zlib=True)
        sst.scale_factor, sst.add_offset, sst.units = 0.01, 20.0, "degree_Celsius"
        sst.standard_name = "sea_surface_temperature"
        sst[:] = np.ma.masked_array(values, ~known)


record, picture = sys.argv[1:]
truth, hidden, sea = made(np.random.default_rng(4))
write(record, truth, ~hidden & sea, sea)
output = Path(record).with_name("filled.nc")
call(["fill", f"{record}:sst", "-o", str(output), "--inside", "sea"])
with netCDF4.Dataset(record) as file, netCDF4.Dataset(output) as done:
    given, filled = (np.ma.filled(one["sst"][DAY].astype(float), np.nan) for one in (file, done))
    std = np.ma.filled(done["sst_std"][DAY], np.nan)
    every, all_std = np.ma.filled(done["sst"][:].astype(float), np.nan), np.ma.filled(done["sst_std"][:], np.nan)
gap = hidden & sea
error = (every - truth)[gap]
print(
    f"true error {np.sqrt(np.nanmean(error**2)):.3f}, within 2 std {np.nanmean(np.abs(error) <= 2 * all_std[gap]):.1%}"
)
figure = Figure(figsize=(11, 6.4), layout="constrained")
low, high = np.nanpercentile(filled, (1, 99))
panels = {
    "measured": (given, "viridis", low, high, "°C"),
    "filled": (filled, "viridis", low, high, "°C"),
    "standard deviation": (np.where(sea, std, np.nan), "magma", 0, np.nanpercentile(std, 99), "°C"),
    "filled less true": (np.where(gap[DAY], filled - truth[DAY], np.nan), "RdBu_r", -0.8, 0.8, "°C"),
}
for axes, (title, (values, colours, least, most, unit)) in zip(figure.subplots(2, 2).flat, panels.items(), strict=True):
    axes.set_facecolor("0.8")
    image = axes.imshow(
        values, colours, origin="lower", vmin=least, vmax=most, extent=(-5, -5 + WIDTH / 24, 35, 35 + HEIGHT / 24)
    )
    axes.set_title(title, fontsize=11)
    figure.colorbar(image, ax=axes, label=unit, shrink=0.85)
figure.savefig(picture, dpi=80)
