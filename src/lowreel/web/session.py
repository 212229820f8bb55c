"""The process of one run of the page: the same command line, in a process that ends with the server."""

from __future__ import annotations

import runpy
import sys

from ..system.processes import die_with_parent

if __name__ == "__main__":
    die_with_parent()
    sys.argv[0] = "lowreel"
    runpy.run_module("lowreel", run_name="__main__")
