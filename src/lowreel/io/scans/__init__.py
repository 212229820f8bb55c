"""Raw data of scanners: ISMRMRD, fastMRI, BART, arrays with named axes; all become one `Scan`."""

from .facts import facts_of
from .reading import is_raw_scan, scan_of
from .scan import Readouts, Scan, frames_of, gated

__all__ = ["Readouts", "Scan", "facts_of", "frames_of", "gated", "is_raw_scan", "scan_of"]
