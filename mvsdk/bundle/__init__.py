"""Bundles: the one file that goes to devices, the emulator and the cloud alike, in Microvisor's own format.

    elf_file, hex_file ── image ── layers ─┐
    schema, wire ──────── manifest ────────┼── creation       create, sign, endorse
             └── new_keys                  │
    deflate, strict_inflate ── container ──┘── verification   verify
                                           └── report         inspect

A bundle is a ZIP archive with the layers of an image and a signed protobuf manifest. It is not a package of anything
else, and no part of it is executed or unpacked to disk here.
The rule that must never break: bytes from outside are an `UnverifiedBundle` until `verify` has returned.
"""

from mvsdk.bundle.creation import create, endorse, sign
from mvsdk.bundle.errors import (
    AlreadySignedError,
    BundleFileError,
    ContainerError,
    ImageFileError,
    ImageFormatError,
    ImagePlacementError,
    LayerError,
    ManifestError,
    OptionError,
    SignatureError,
    UnknownSignerError,
    UnsignedError,
    UnsupportedError,
    VectorTableError,
)
from mvsdk.bundle.image import Image, read_image
from mvsdk.bundle.manifest import Layer
from mvsdk.bundle.new_keys import NewKeys, endorse_new_keys
from mvsdk.bundle.options import ManifestOptions
from mvsdk.bundle.report import inspect
from mvsdk.bundle.unverified import UnverifiedBundle, load
from mvsdk.bundle.vectors import VectorTable, vector_table_problem
from mvsdk.bundle.verification import VerifiedBundle, verify

__all__ = [
    "AlreadySignedError",
    "BundleFileError",
    "ContainerError",
    "Image",
    "ImageFileError",
    "ImageFormatError",
    "ImagePlacementError",
    "Layer",
    "LayerError",
    "ManifestError",
    "ManifestOptions",
    "NewKeys",
    "OptionError",
    "SignatureError",
    "UnknownSignerError",
    "UnsignedError",
    "UnsupportedError",
    "UnverifiedBundle",
    "VectorTable",
    "VectorTableError",
    "VerifiedBundle",
    "create",
    "endorse",
    "endorse_new_keys",
    "inspect",
    "load",
    "read_image",
    "sign",
    "vector_table_problem",
    "verify",
]
