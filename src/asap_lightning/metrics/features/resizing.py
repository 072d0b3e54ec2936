"""Images at the size that a network wants to see."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor


def resized(pixels: Tensor, side: int) -> Tensor:
    """(B, 3, H, W) uint8 -> (B, 3, side, side) float32 in 0..255: bicubic, antialiased, as torchvision."""
    seen = F.interpolate(pixels.float(), (side, side), mode="bicubic", antialias=True, align_corners=False)
    return seen.clamp(0, 255)


def clean_resized(pixels: Tensor, side: int) -> Tensor:
    """The same by Pillow's bicubic filter on each channel in float32 (Parmar et al. 2022, clean-fid)."""
    planes = pixels.cpu().numpy().astype(np.float32).reshape(-1, *pixels.shape[-2:])
    made = [Image.fromarray(plane).resize((side, side), Image.Resampling.BICUBIC) for plane in planes]
    seen = np.stack([np.asarray(plane) for plane in made]).reshape(*pixels.shape[:2], side, side)
    return torch.from_numpy(seen).clamp(0, 255).to(pixels.device)
