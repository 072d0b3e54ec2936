"""ASAP-Net and its peers: fast, high-resolution image-to-image translation.

Importing the package is cheap: heavy libraries are imported by the modules that use them.
"""

__version__ = "0.1.0"
