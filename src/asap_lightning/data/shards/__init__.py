"""Pairs in large tar files: written by `writer`, found by `index`, read from disk or from afar by `store`.

A tar file is in the WebDataset layout: the members ``KEY.label.png``, ``KEY.photo.jpg``, .. of a pair follow
each other. The index says where each member lies, so that any pair is read with one look, in any order.
"""
