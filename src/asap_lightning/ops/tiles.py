"""Between an image and its tiles.

Axes: B batch, C channels, H height, W width, S tile, T tiles (B H/S W/S, row-major), Q pixels of a tile.
"""

from __future__ import annotations

from torch import Tensor


def to_tiles(image: Tensor, tile: int) -> Tensor:
    """(B, C, H, W) -> (T, Q, C); the inverse of `from_tiles`."""
    b, c, h, w = image.shape
    tiles = image.reshape(b, c, h // tile, tile, w // tile, tile)
    tiles = tiles.permute(0, 2, 4, 3, 5, 1)
    return tiles.reshape(b * (h // tile) * (w // tile), tile * tile, c)


def from_tiles(tiles: Tensor, batch: int, height: int, width: int, tile: int) -> Tensor:
    """(T, Q, C) -> (B, C, H, W)."""
    c = tiles.shape[-1]
    grid = tiles.reshape(batch, height // tile, width // tile, tile, tile, c)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(batch, c, height, width)


def planes_from_tiles(tiles: Tensor, batch: int, height: int, width: int, tile: int) -> Tensor:
    """(T, C, Q) -> (B, C, H, W): as `from_tiles`, but copies whole rows of a tile."""
    c = tiles.shape[1]
    grid = tiles.reshape(batch, height // tile, width // tile, c, tile, tile)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(batch, c, height, width).contiguous()
