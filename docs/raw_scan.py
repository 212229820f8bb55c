"""Write a raw file as a scanner does, for docs/mri.md: `python docs/raw_scan.py scan.h5`; needs `pip install ismrmrd`.

A heart that beats in a chest that breathes, with a smooth phase, through 12 coils whose noise is correlated, along
golden-angle spokes, 13 for each of 24 frames, in one stream: no counter says where a frame begins.
"""

import math
import os
import sys

import ismrmrd
import numpy as np

import lowreel
from lowreel.operators import MRI, simulated_coil_maps, with_phase
from lowreel.operators.trajectories import radial

FRAMES, SIDE, COILS, SPOKES, NOISE = 24, 96, 12, 13, 0.02

HEADER = """<?xml version="1.0"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
 <experimentalConditions><H1resonanceFrequency_Hz>63870000</H1resonanceFrequency_Hz></experimentalConditions>
 <encoding>
  <encodedSpace><matrixSize><x>{wide}</x><y>{side}</y><z>1</z></matrixSize>
   <fieldOfView_mm><x>600</x><y>300</y><z>8</z></fieldOfView_mm></encodedSpace>
  <reconSpace><matrixSize><x>{side}</x><y>{side}</y><z>1</z></matrixSize>
   <fieldOfView_mm><x>300</x><y>300</y><z>8</z></fieldOfView_mm></reconSpace>
  <encodingLimits/>
  <trajectory>goldenangle</trajectory>
 </encoding>
</ismrmrdHeader>"""


def chest():
    """Grey levels (T, 1, H, W) of a beating heart."""
    return lowreel.open_clip("beating-heart:0", size=(SIDE, SIDE)).read()


def main(path):
    """Measure the chest and write it."""
    if os.path.exists(path):
        sys.exit(f"{path}: exists already; give another name")
    draw = np.random.default_rng(0)
    points = radial(SPOKES, SIDE, FRAMES, golden_angle=True)
    maps = simulated_coil_maps(COILS, (SIDE, SIDE), 0)
    data = MRI((FRAMES, 1, SIDE, SIDE), trajectory=points, coil_maps=maps)(with_phase(chest(), 0)).numpy()
    mixing = np.eye(COILS) + 0.2 * draw.standard_normal((COILS, COILS))

    def noise(samples):
        white = draw.standard_normal((2, COILS, samples))
        return NOISE * mixing @ (white[0] + 1j * white[1]) / math.sqrt(2)

    with ismrmrd.Dataset(f"{path}.part", "dataset", mode="w") as file:
        file.write_xml_header(HEADER.format(wide=2 * SIDE, side=SIDE).encode())
        alone = ismrmrd.Acquisition.from_array(noise(4096).astype(np.complex64))
        alone.set_flag(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
        file.append_acquisition(alone)
        across_first = (points / (2 * math.pi)).numpy()[..., ::-1]  # x before y, in cycles per pixel
        for t in range(FRAMES):
            for k in range(SPOKES):
                samples = (data[t, :, k] + noise(2 * SIDE)).astype(np.complex64)
                readout = ismrmrd.Acquisition.from_array(samples, np.ascontiguousarray(across_first[t, k]))
                readout.center_sample, readout.scan_counter = SIDE, 1 + t * SPOKES + k
                file.append_acquisition(readout)
    os.replace(f"{path}.part", path)


if __name__ == "__main__":
    main(sys.argv[1])
