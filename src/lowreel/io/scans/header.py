"""The XML header of ISMRMRD: matrices, fields of view, limits, the kind of trajectory."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from ...errors import InputError

NAMESPACE = "{http://www.ismrm.org/ISMRMRD}"


@dataclass(frozen=True)
class Space:
    """Pixels along x (readout), y and z, and the millimetres that they cover."""

    matrix: tuple[int, int, int]
    field_of_view: tuple[float, float, float]


@dataclass(frozen=True)
class Encoding:
    """One `encoding` of the header. center: the row of frequency zero among those of `kspace_encoding_step_1`, where
    the header tells it."""

    encoded: Space
    recon: Space
    trajectory: str
    center: int | None

    @property
    def kept_samples(self) -> int:
        """Pixels of the readout that are left where its oversampling is cut off."""
        whole, part = self.encoded.field_of_view[0], self.recon.field_of_view[0]
        count = self.encoded.matrix[0]
        return round(count * part / whole) if 0 < part < whole else count


def encodings_of(text: str | bytes, label: str) -> list[Encoding]:
    """The encodings that a header tells of. Raises InputError for a header that is damaged or tells of none."""
    try:
        root = ElementTree.fromstring(text)
        found = [_encoding(node) for node in root.iter(f"{NAMESPACE}encoding")]
    except (ElementTree.ParseError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{label}: its XML header cannot be read ({error}); copy the file again") from None
    if not found:
        raise InputError(f"{label}: its XML header tells of no encoding, so that frames have no size; convert it again")
    return found


def noise_bandwidth_of(text: str | bytes) -> float:
    """`relativeReceiverNoiseBandwidth`: what the receiver's filter lets through of the noise in a noise scan, over what
    it would be were that white over the whole bandwidth of its samples; 1 where the header does not tell."""
    told = ElementTree.fromstring(text).findtext(
        f"{NAMESPACE}acquisitionSystemInformation/{NAMESPACE}relativeReceiverNoiseBandwidth"
    )
    try:
        share = float(told or 1)
    except ValueError:
        return 1.0
    return share if 0 < share <= 1 else 1.0


def _encoding(node: ElementTree.Element) -> Encoding:
    step = node.find(f"{NAMESPACE}encodingLimits/{NAMESPACE}kspace_encoding_step_1/{NAMESPACE}center")
    kind = node.findtext(f"{NAMESPACE}trajectory", "cartesian").strip().lower()
    encoded, recon = (_space(_child(node, f"{name}Space")) for name in ("encoded", "recon"))
    return Encoding(encoded, recon, kind, None if step is None else int(step.text or 0))


def _space(node: ElementTree.Element) -> Space:
    matrix, view = _child(node, "matrixSize"), _child(node, "fieldOfView_mm")
    x, y, z = (int(_child(matrix, axis).text or 0) for axis in "xyz")
    across, down, through = (float(_child(view, axis).text or 0) for axis in "xyz")
    return Space((x, y, z), (across, down, through))


def _child(node: ElementTree.Element, name: str) -> ElementTree.Element:
    found = node.find(NAMESPACE + name)
    if found is None:
        raise ValueError(f"{name} is missing")
    return found
