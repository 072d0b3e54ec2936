"""OpenCV, single-threaded: loader workers share the cores already."""

from __future__ import annotations

import cv2

cv2.setNumThreads(0)

__all__ = ["cv2"]
