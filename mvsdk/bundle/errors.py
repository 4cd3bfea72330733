"""What can be wrong with an image or a bundle.

BundleError
├── ImageFileError        the image cannot be read, or is empty
├── ImageFormatError      not the ELF or Intel HEX file it should be, or a program for another processor
├── ImagePlacementError   the image lies outside the application's flash or does not fit into it
├── OptionError           a manifest option has a value it cannot have
├── BundleFileError       the bundle cannot be read
├── ContainerError        the archive is not exactly what a bundler writes
├── ManifestError         the manifest is not a well-formed one
├── UnsupportedError      well formed, but of a kind that nothing here can use
├── LayerError            layers and members disagree, overlap, or leave the flash
├── UnsignedError         nobody signed it
├── AlreadySignedError    somebody signed it already
├── UnknownSignerError    signed with a key that is not trusted here
├── SignatureError        the signature does not fit
└── VectorTableError      the image has no plausible vector table
"""

from mvsdk.errors import BundleError

BUNDLE_AGAIN = "make the bundle again with `mvsdk bundle`, or fetch it again"
"""What to do about a bundle that is damaged or was made by something else."""


class ImageFileError(BundleError):
    """The image cannot be read, or is empty."""


class ImageFormatError(BundleError):
    """The file is not the ELF or Intel HEX file it should be, or a program for another processor."""


class ImagePlacementError(BundleError):
    """The image lies outside the application's flash or does not fit into it."""


class OptionError(BundleError):
    """A manifest option has a value it cannot have."""


class BundleFileError(BundleError):
    """The bundle cannot be read."""


class ContainerError(BundleError):
    """The archive is not exactly what a bundler writes."""


class ManifestError(BundleError):
    """The manifest is not a well-formed one."""


class UnsupportedError(BundleError):
    """The bundle is well formed, but of a kind that nothing here can use."""


class LayerError(BundleError):
    """Layers and members disagree, overlap, or leave the flash."""


class UnsignedError(BundleError):
    """Nobody signed the bundle."""


class AlreadySignedError(BundleError):
    """Somebody signed the bundle already."""


class UnknownSignerError(BundleError):
    """The bundle is signed with a key that is not trusted here."""


class SignatureError(BundleError):
    """The signature is not the signer's for this manifest."""


class VectorTableError(BundleError):
    """The image has no plausible vector table."""
