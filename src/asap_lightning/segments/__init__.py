"""SIMS's memory bank: segments of training images, found again by shape, laid on canvases.

Qi et al., "Semi-parametric Image Synthesis" (CVPR 2018), sections 3 and 4.
"""
