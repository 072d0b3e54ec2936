"""Hydra's side: from what was typed to a composed configuration, and from that to built parts.

The only room that sees configuration objects; a command below `commands/` gets plain values from here.
"""
