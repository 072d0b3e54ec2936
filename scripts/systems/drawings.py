"""What is drawn of each system: its modules in the order of the data. All numbers come from `facts`."""

from __future__ import annotations

from collections.abc import Callable

from boxes import Facts, chain, condition, millions, modulated, spade_blocks, step
from svg import Box, Drawing, Lane

ASAP_BODY = "lowres_stream.body.6"


def asap(facts: Facts) -> Drawing:
    """A stream that predicts, a stream that renders."""
    low = [step(facts, "lowres_stream.head", "conv 3x3")]
    low += [step(facts, f"lowres_stream.down.{i}", "stride 2") for i in range(4)]
    low += [step(facts, ASAP_BODY, f"{facts['body']} x conv", repeat=facts["body"])]
    low += [step(facts, "lowres_stream.to_phi", "phi", kind="made")]
    side = facts["side"]
    pixels = [
        Box(
            ["labels, place", f"{facts['mlp_widths'][0]} values", "a pixel"],
            side=side,
            kind="data",
            column=0,
            span=2,
        ),
        Box(
            [
                "one MLP a tile",
                chain(facts["mlp_widths"]),
                f"tiles of {facts['tile']} x {facts['tile']} pixels",
            ],
            side=side,
            kind="made",
            column=4,
            span=4,
        ),
        Box(["image", "3 ch", f"{side} x {side}"], side=side, kind="image", column=8),
    ]
    lanes = [
        Lane("low-res stream: S1 makes the input smaller, S2 its strides", [condition(facts), *low]),
        Lane("pixelwise stream: every pixel through the MLP of its tile", pixels),
    ]
    return Drawing("ASAP-Net", lanes, [((0, 7), (1, 1))])


def pix2pix(facts: Facts) -> Drawing:
    """The U-Net, folded: encoder above, decoder below."""
    depth = 8
    down = [step(facts, f"network.down.{i}", "down", column=i + 1) for i in range(depth)]
    up = [step(facts, f"network.up.{i}", "up", column=i + 1) for i in reversed(range(1, depth))]
    last = step(facts, "network.up.0", "image", kind="image", column=1)
    lanes = [
        Lane("encoder: conv 4x4, stride 2", [condition(facts, column=0), *down]),
        Lane(
            "decoder: transposed conv 4x4, stride 2, on what came before and the encoder's",
            [*up, last],
            back=True,
        ),
    ]
    arrows = [((0, i + 1), (1, depth - 1 - i)) for i in range(depth)]
    return Drawing("pix2pix's U-Net", lanes, arrows)


def pix2pixhd(facts: Facts) -> Drawing:
    """Both stages."""
    coarse = [Box(["labels", f"{facts['planes']} ch", "half size"], side=facts["side"] // 2, kind="data")]
    coarse += [step(facts, "coarse.stem", "conv 7x7")]
    coarse += [step(facts, f"coarse.down.{i}", "stride 2") for i in range(4)]
    blocks = facts["blocks"]
    coarse += [step(facts, "coarse.blocks.0", f"{blocks} x residual", repeat=blocks)]
    coarse += [step(facts, f"coarse.up.{i}", "up") for i in range(4)]
    few = facts["enhancer_blocks"]
    local = [condition(facts, column=6), step(facts, "enhancers.0.stem", "conv 7x7", column=8)]
    local += [step(facts, "enhancers.0.down", "stride 2, +", column=10)]
    rest = [
        step(facts, "enhancers.0.blocks.0", f"{few} x residual", repeat=few, column=10),
        step(facts, "enhancers.0.up", "up", column=8),
        step(facts, "head", "image", kind="image", column=6),
    ]
    lanes = [
        Lane("global generator, at half the size", coarse),
        Lane("local enhancer: adds the features of both", local),
        Lane("", rest, back=True),
    ]
    return Drawing("pix2pixHD", lanes, [((0, 10), (1, 2)), ((1, 2), (2, 0))])


def spade(facts: Facts) -> Drawing:
    """Norms that the label map modulates."""
    source = Box(
        [
            "the label map, resized: the first input, and gamma and beta of every block's norms",
            f"{facts['planes']} > {facts['hidden']} > gamma, beta: two convolutions 3x3 a norm",
        ],
        kind="data",
        span=8,
    )
    return modulated(
        "SPADE", source, facts, "residual blocks of (SPADE, LeakyReLU, conv 3x3) twice; doublings between"
    )


def ccfpse(facts: Facts) -> Drawing:
    """Convolutions that the label map predicts."""
    source = Box(
        [
            "label pyramid: strides down, lateral connections up",
            "gives every block its depthwise 3x3 weights and gates, place by place",
        ],
        kind="made",
        span=8,
        below=millions(facts["pyramid"]["parameters"]),
    )
    return modulated(
        "CC-FPSE", source, facts, "conditional blocks: norm, predicted depthwise 3x3, conv 1x1, gate; twice"
    )


def crn(facts: Facts) -> Drawing:
    """The cascade."""
    count = sum(path.startswith("refine.") and path.count(".") == 1 for path in facts)
    boxes = [step(facts, f"refine.{i}", "module") for i in range(count)]
    boxes += [step(facts, "to_image", "image", kind="image")]
    source = Box(
        ["the label map, averaged down to every module's size", f"{facts['planes']} ch"],
        kind="data",
        span=count,
    )
    lanes = [
        Lane("", [source]),
        Lane("modules of two convolutions 3x3 on the layout and the doubled features", boxes),
    ]
    return Drawing("CRN", lanes, [((0, 0), (1, i)) for i in range(count)])


def sims(facts: Facts) -> Drawing:
    """From the bank to the image."""
    down = [step(facts, f"encode.{i}", "convs", column=i + 3) for i in range(6)]
    up = [step(facts, f"decode.{i}", "2 x conv", column=8 - i) for i in range(7)]
    first = [
        Box(["bank"], kind="data", column=0),
        Box(["retrieval", "one segment", "a region"], kind="made", column=1, span=2),
        Box(["alignment", "order"], kind="made", column=3, span=2),
        Box(["canvas and layout", f"{facts['planes']} + 4 ch"], kind="data", column=5, span=2),
    ]
    second = [
        Box(["canvas", f"{facts['planes']} + 4 ch", "256 x 256"], side=facts["side"], kind="data", column=2),
        *down,
    ]
    third = [*up, step(facts, "to_image", "image", kind="image", column=1)]
    lanes = [
        Lane("memory bank: pieces of photos", first),
        Lane("encoder: pools between", second),
        Lane("decoder: on the resized input, the encoder's pool and the features before", third, back=True),
    ]
    return Drawing("SIMS", lanes, [((1, i + 1), (2, 5 - i)) for i in range(6)])


def cocosnet(facts: Facts) -> Drawing:
    """Correspondence, then translation."""
    weights = {
        name: millions(facts[f"correspondence.{name}"]["parameters"])
        for name in ("of_condition", "of_exemplar", "patch_match")
    }
    match = [
        Box(
            ["features of labels", "1/8, 1/4, 1/2, 1"],
            kind="conv",
            column=0,
            span=2,
            below=weights["of_condition"],
        ),
        Box(["of exemplar", "and its labels"], kind="conv", column=2, span=2, below=weights["of_exemplar"]),
        Box(["all pairs", "at 1/8"], kind="made", column=4),
        Box(
            [f"PatchMatch x {facts['correspondence.patch_match']['calls']}", "1/4, 1/2, 1"],
            kind="made",
            column=5,
            span=2,
            below=weights["patch_match"],
        ),
        Box(["four", "warps"], kind="data", column=7),
    ]
    source = Box(
        ["warps of the exemplar and the label map: gamma and beta of every block"], kind="data", span=8
    )
    boxes = spade_blocks(facts, "translation.")
    lanes = [
        Lane("correspondence", match),
        Lane("", [source]),
        Lane("translation: SPADE with positional norm", boxes),
    ]
    return Drawing("CoCosNet v2", lanes, [((0, 4), (1, 0)), *(((1, 0), (2, i)) for i in range(8))])


def hdrnet(facts: Facts) -> Drawing:
    """The grid, and how it is sliced."""
    low = [condition(facts, "small copy")]
    low += [step(facts, f"coefficients.splat.{i}", "stride 2") for i in range(4)]
    low += [step(facts, "coefficients.local", "local")]
    whole = sum(facts[f"coefficients.{name}"]["parameters"] for name in ("globally", "linear"))
    low += [Box(["+ global", str(facts["coefficients.linear"]["shape"][0])], side=1, below=millions(whole))]
    inputs, outputs, depth, *cells = facts["coefficients"]["shape"]
    low += [
        Box(
            ["grid", f"{cells[0]} x {cells[1]} x {depth}", f"of {inputs} x {outputs}"],
            side=cells[0],
            kind="made",
        )
    ]
    side = facts["side"]
    high = [
        Box(["photo", "3 ch", "any size"], side=side, kind="data", column=0),
        Box(
            ["guide: curves", "1 ch"],
            side=side,
            column=2,
            span=2,
            below=millions(facts["guide"]["parameters"]),
        ),
        Box(
            ["slice the grid by place and guide,", "apply each pixel's transform"],
            side=side,
            kind="made",
            column=5,
            span=3,
        ),
        Box(["image", "3 ch", "any size"], side=side, kind="image", column=8),
    ]
    lanes = [Lane(f"low-res stream: a copy of {side} x {side}", low), Lane("full resolution", high)]
    return Drawing("HDRNet", lanes, [((0, 7), (1, 2))])


def cppn(facts: Facts) -> Drawing:
    """One MLP."""
    side = facts["side"]
    boxes = [
        Box(["labels, place", f"{facts['mlp_widths'][0]} values", "a pixel"], side=side, kind="data", span=2),
        Box(
            ["one MLP for all pixels of all images", chain(facts["mlp_widths"])],
            side=side,
            column=3,
            span=4,
            below=millions(facts["mlp_parameters"]),
        ),
        Box(["image", "3 ch", f"{side} x {side}"], side=side, kind="image", column=8),
    ]
    return Drawing("CPPN", [Lane("every pixel by itself: no network sees its neighbours", boxes)])


def singan(facts: Facts) -> Drawing:
    """Three of the pyramid's scales."""
    sizes, widths = facts["sizes"], facts["widths"]
    lanes, arrows = [], []
    for shown, scale in enumerate((0, 1, len(sizes) - 1)):
        height, width = sizes[scale]
        size = f"{height} x {width}"
        boxes = [
            Box(
                ["noise", size] if scale == 0 else ["noise + image", "before, enlarged"], kind="data", span=2
            ),
            Box(
                [f"{facts['layers']} x conv 3x3", f"{widths[scale]} ch, no padding"],
                span=2,
                below=millions(facts["parameters"][scale]),
            ),
            Box(
                ["image" if scale == 0 else "+ image before", size],
                side=min(height, 256),
                kind="image",
                span=2,
                column=5,
            ),
        ]
        lanes.append(Lane(f"scale {scale}" + (" (the last of this image)" if shown == 2 else ""), boxes))
        if shown:
            arrows.append(((shown - 1, 2), (shown, 2)))
    return Drawing("SinGAN", lanes, arrows)


DRAWINGS: dict[str, tuple[str, Callable[[Facts], Drawing]]] = {
    "asap": ("asap", asap),
    "pix2pix": ("pix2pix", pix2pix),
    "pix2pixhd": ("pix2pixhd_local", pix2pixhd),
    "spade": ("spade", spade),
    "ccfpse": ("ccfpse", ccfpse),
    "crn": ("crn", crn),
    "sims": ("sims", sims),
    "cocosnet": ("cocosnet", cocosnet),
    "hdrnet": ("hdrnet", hdrnet),
    "cppn": ("cppn", cppn),
    "singan": ("", singan),
}
"""System -> the generator of ``conf/generator`` that is drawn, and how."""
