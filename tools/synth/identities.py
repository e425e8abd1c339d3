"""Who a character is: body plan, proportions, palette, features and clothes, from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .colors import FURS, HAIRS, SKINS, Color, mix, pick, scale, vivid
from .style import Style, make_style

PLANS = (
    "human",
    "critter",
    "quadruped",
    "bird",
    "robot",
    "monster",
    "blob",
    "object",
    "fish",
    "ghost",
    "worm",
    "octopus",
    "insect",
)
PLAN_SHARES = (0.4, 0.18, 0.11, 0.07, 0.05, 0.055, 0.035, 0.03, 0.015, 0.01, 0.015, 0.01, 0.02)


@dataclass(frozen=True)
class Identity:
    """One character; lengths are hundredths of its nominal height, colours untoned."""

    seed: int
    style: Style
    plan: str
    # palette
    skin: Color
    second: Color
    """Belly, muzzle, inner ears, wings."""
    hair: Color
    top: Color
    bottom: Color
    trim: Color
    shoes: Color
    iris: Color
    # head
    head: float
    """Height of the head."""
    head_wide: float
    """Its width as a factor of its height."""
    square: float
    jaw: float
    """Taper of the head: above 0 wide cheeks, below 0 pointed chin."""
    eyes: str
    eye_size: float
    eye_gap: float
    eye_level: float
    eye_count: int
    lashes: bool
    brows: float
    nose: str
    nose_size: float
    mouth: str
    mouth_level: float
    muzzle: float
    ears: str
    ear_size: float
    ear_tilt: float
    horns: str
    hair_kind: str
    fringe: str
    hat: str
    glasses: str
    beard: str
    marks: str
    """Markings of the face: "none", "freckles", "blush", "mask", "stripes", "patch", "spots"."""
    # body
    shoulder: float
    waist: float
    hip: float
    depth: float
    torso: float
    """Length of the torso."""
    legs: float
    arms: float
    limb: float
    """Half thickness of the limbs."""
    hose: bool
    hand: str
    hand_size: float
    foot: str
    foot_size: float
    tail: str
    tail_size: float
    wings: str
    neck: float
    body_length: float
    coat: str
    """Pattern of skin or fur: "plain", "spots", "stripes", "belly", "two-tone"."""
    # clothes
    top_kind: str
    sleeves: float
    bottom_kind: str
    pattern: str
    extras: tuple[str, ...]


def make_identity(seed: int, style: Style | None = None, plan: str | None = None) -> Identity:
    """The identity of a seed, of the show with this style (drawn from the seed when not given)."""
    rng = np.random.default_rng((seed, 77))
    style = style or make_style(rng)
    plan = plan or str(rng.choice(PLANS, p=PLAN_SHARES))
    u = rng.uniform

    def one(*names: str) -> str:
        return str(rng.choice(names))

    def chance(p: float) -> bool:
        return bool(rng.random() < p)

    human = plan == "human"
    animal = plan in ("critter", "quadruped", "bird", "fish")
    skin = pick(rng, SKINS) if human else pick(rng, FURS) if animal and chance(0.75) else vivid(rng)
    if human and chance(0.06):
        skin = vivid(rng)
    second = mix(skin, (1.0, 0.96, 0.9), float(u(0.4, 0.9))) if chance(0.7) else vivid(rng)
    if style.family in ("retro", "ink") and chance(0.5):
        # Rubber-hose animals are black with a white face.
        skin, second = (
            ((0.08, 0.08, 0.08), (0.96, 0.95, 0.93))
            if chance(0.6)
            else ((0.95, 0.95, 0.93), (0.98, 0.97, 0.95))
        )
    hair = (
        pick(rng, HAIRS)
        if (chance(0.75) and style.family != "anime") or chance(0.4)
        else vivid(rng)
    )
    eyes = (
        style.eyes
        if style.eyes != "any" and chance(0.8)
        else one(
            "dot", "dot", "oval", "oval", "joined", "pie", "anime", "round", "round", "bean", "ring"
        )
    )
    age = one("child", "child", "adult", "adult", "adult", "toddler", "old")
    heads = {"toddler": u(38, 52), "child": u(26, 40), "adult": u(13, 28), "old": u(16, 30)}[age]
    if style.family == "soft" and human:
        heads = max(heads, 16.0)
    real = human and style.build == "real"
    if real:
        age = one("adult", "adult", "old")
        heads = u(12.5, 16.5)
        eyes = one("round", "oval", "anime") if style.family in ("anime", "manga") else "round"
    elif human and style.build == "chibi":
        heads = u(42, 56)
    head = float(heads) if human else float(u(22, 46))
    if plan in ("blob", "object", "ghost"):
        head = float(u(60, 92))
    if plan == "quadruped":
        head = float(u(26, 44))
    torso = float((100 - head) * u(0.38, 0.62))
    neck = (
        float(u(0, 0.12) * head)
        if not human or age in ("toddler", "child")
        else (float(u(0.08, 0.3) * head))
    )
    legs = max(4.0, 100 - head - torso - neck)
    jaw = (-0.17 if style.family == "anime" else -0.02) if human else 0.03
    clothed = human or (plan == "critter" and chance(0.5)) or (plan == "monster" and chance(0.25))
    wide = float(u(0.72, 1.0)) if human else float(u(0.85, 1.35))
    if style.family == "outlined" and human and chance(0.3):
        wide = float(u(0.95, 1.4))
    if real:
        wide = float(u(0.66, 0.8))
    feminine = chance(0.5)
    fat = float(np.clip(np.exp(rng.normal(0.0, 0.4)), 0.5, 2.6))
    if human:
        # Adults' shoulders are a quarter of their height wide, children's as their head.
        shoulder = (
            float(u(8.5, 13.5)) if age in ("adult", "old") else head * wide * float(u(0.26, 0.42))
        )
        shoulder *= 0.85 + 0.15 * fat
        waist = shoulder * float(u(0.58, 0.8) if feminine else u(0.72, 0.95)) * fat**0.7
        hip = shoulder * float(u(0.8, 1.05) if feminine else u(0.65, 0.9)) * fat**0.4
        limb = float(u(1.5, 2.6)) * fat**0.4 * (0.85 if feminine else 1.0)
        limb *= 1.0 if age in ("adult", "old") else float(u(0.8, 1.3))
    else:
        half = head * wide * 0.5
        shoulder = half * float(u(0.4, 0.8)) * fat**0.4
        waist = half * float(u(0.5, 1.0)) * fat**0.8
        hip = half * float(u(0.45, 0.95)) * fat**0.6
        limb = half * float(u(0.09, 0.24)) * fat**0.4 + 0.6
    return Identity(
        seed=seed,
        style=style,
        plan=plan,
        skin=skin,
        second=second,
        hair=hair,
        top=vivid(rng),
        bottom=vivid(rng) if chance(0.6) else pick(rng, HAIRS),
        trim=vivid(rng),
        shoes=vivid(rng) if chance(0.5) else scale(pick(rng, HAIRS), 0.8),
        iris=vivid(rng) if chance(0.6) else (0.1, 0.07, 0.06),
        head=head,
        head_wide=wide,
        square=float(u(0, 0.25)) if plan != "robot" else float(u(0.1, 1.0)),
        jaw=float(np.clip(rng.normal(jaw, 0.12), -0.3, 0.3)),
        eyes=eyes,
        eye_size=float(
            u(0.07, 0.1) if real else u(0.1, 0.17) if human and eyes != "anime" else u(0.13, 0.23)
        ),
        eye_gap=float(u(0.36, 0.55)),
        eye_level=float(u(-0.12, 0.22)),
        eye_count=int(rng.choice([1, 2, 3, 4], p=(0.25, 0.5, 0.17, 0.08)))
        if plan == "monster"
        else 2,
        lashes=chance(0.3),
        brows=float(rng.choice([0.0, u(0.02, 0.09)])) if not human else float(u(0.015, 0.07)),
        nose=one("dot", "line", "button", "big", "hook", "none", "wedge", "button")
        if human
        else one("oval", "heart", "big", "dot")
        if animal
        else one("none", "none", "button", "big"),
        nose_size=float(u(0.06, 0.2)),
        mouth=one("line", "line", "lips", "wide", "beans")
        if human
        else one("line", "wide", "fangs", "buck", "line"),
        mouth_level=float(u(-0.62, -0.42)),
        muzzle=0.0 if not animal else float(u(0.25, 0.62)),
        ears="human"
        if human
        else one("round", "point", "long", "flop", "cat", "mouse", "tuft", "none")
        if animal
        else one("none", "none", "point", "fin", "antenna", "round"),
        ear_size=float(u(0.3, 0.9)),
        ear_tilt=float(u(-0.2, 0.7)),
        horns=one("none", "none", "horns", "spikes", "unicorn", "stalks")
        if plan == "monster"
        else "antlers"
        if plan in ("critter", "quadruped") and chance(0.08)
        else "none",
        hair_kind=one(
            "short",
            "short",
            "crop",
            "bob",
            "long",
            "long",
            "tail",
            "pigtails",
            "bun",
            "afro",
            "spiky",
            "spiky",
            "mohawk",
            "curly",
            "bald",
            "ring",
            "wild",
        )
        if human
        else (
            one("tuft", "none", "none", "lion") if animal else one("none", "none", "wild", "tuft")
        ),
        fringe=one("straight", "swept", "parted", "zigzag", "high", "curve", "locks"),
        hat=one(
            "cap",
            "top",
            "beanie",
            "wizard",
            "crown",
            "helmet",
            "bow",
            "band",
            "straw",
            "flower",
            "bowler",
            "hood",
            "phones",
            "police",
            "chef",
        )
        if chance(0.28 if human else 0.16)
        else "none",
        glasses=one("round", "square", "dark", "mono", "patch", "goggles")
        if chance(0.17 if human else 0.06)
        else "none",
        beard=one("full", "goatee", "moustache", "long", "stubble")
        if human and age != "child" and not feminine and chance(0.4)
        else "none",
        marks=one("none", "none", "none", "freckles", "blush", "scar")
        if human
        else one("none", "none", "mask", "stripes", "patch", "face", "face", "spots"),
        shoulder=shoulder,
        waist=waist,
        hip=hip,
        depth=float(u(0.6, 1.0)),
        torso=torso,
        legs=legs,
        arms=float(torso * u(0.75, 1.25) + 8),
        limb=limb,
        hose=(chance(0.35) and not real) or style.family in ("retro", "ink"),
        hand=one("mitten", "mitten", "fingers", "fingers", "ball")
        if human
        else one("ball", "glove", "fingers", "claws", "paw"),
        hand_size=float(u(0.9, 1.7)),
        foot=one("shoe", "shoe", "boot", "big")
        if human
        else one("paw", "paw", "shoe", "big", "claws"),
        foot_size=float(u(0.8, 1.6)),
        tail="none" if human else one("long", "bushy", "short", "puff", "thick", "none", "curl"),
        tail_size=float(u(0.5, 1.3)),
        wings=one("none", "bat", "bird", "bug")
        if plan in ("monster", "insect") or (plan == "quadruped" and chance(0.2))
        else "none",
        neck=neck,
        body_length=float(u(28, 52)),
        coat=one("plain", "plain", "belly", "belly", "spots", "stripes", "two-tone"),
        top_kind=one(
            "tee",
            "long",
            "long",
            "coat",
            "dress",
            "dress",
            "vest",
            "overalls",
            "robe",
            "suit",
            "tank",
            "hoodie",
            "armor",
        )
        if clothed
        else "none",
        sleeves=float(rng.choice([0.0, 0.35, 0.95, 0.95])),
        bottom_kind=one("trousers", "trousers", "shorts", "skirt", "leggings", "none")
        if human or (clothed and chance(0.6))
        else "none",
        pattern=one(
            "plain", "plain", "plain", "stripes", "dots", "checks", "logo", "diamonds", "zip"
        ),
        extras=tuple(
            name
            for name, p in (
                ("scarf", 0.08),
                ("belt", 0.2),
                ("tie", 0.08),
                ("bowtie", 0.1),
                ("cape", 0.06),
                ("buttons", 0.15),
                ("backpack", 0.05),
                ("collar", 0.2),
                ("apron", 0.03),
                ("gloves", 0.15),
                ("necklace", 0.05),
                ("stick", 0.05),
                ("bag", 0.04),
                ("book", 0.03),
                ("mug", 0.03),
            )
            if chance(p if clothed else p * 0.45)
        ),
    )
