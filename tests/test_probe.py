import time, background, pytest
from conftest import *
def test_a(start, here):
    for k in range(3):
        t=time.time(); p=start("--version".split(), here); p.join(); print('version',time.time()-t)
    for k in range(3):
        t=time.time(); p=start("simulate missing clip.npy --steps 1 -o run".split(), here, largest=500); p.join(); print('sim nothing fits',time.time()-t)
    for k in range(3):
        t=time.time(); p=start(f"simulate missing clip.npy --steps 4 -o run{k}".split(), here, dies_at=12,hurried=True); p.join(); print('sim die',time.time()-t)
