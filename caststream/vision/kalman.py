"""A Kalman filter for boxes, one pair of position and speed a coordinate, at any rate.

The four coordinates are centre x, centre y, log width, log height. Speeds fade with a time
constant (a damped random acceleration, as in Singer, *Estimating optimal tracking filter
performance for manned maneuvering targets*, IEEE TAES 6, 1970): drawn motion stops between two
poses, and a constant velocity overshoots while nothing is seen. The coordinates are independent,
so each update is a few operations in closed form. All noises are relative to the box's size and
given per second; nothing depends on the frame rate.

A filter is one row of a float64 array: speeds, positions and covariances in the columns below.
"""

from __future__ import annotations

import math

import numba as nb

POS, VEL, PXX, PXV, PVV = 0, 4, 8, 12, 16
"""First of the four columns of position, speed, and the three parts of the covariance."""
WIDTH = 20
"""Columns of one filter."""


@nb.njit(cache=True, nogil=True)
def begin(f, z, scale, noise, size_noise, speed, size_speed):  # type: ignore[no-untyped-def]
    """Start filter ``f`` (20,) at measurement ``z`` (4,) of a box of ``scale`` pixels.

    ``noise`` is the deviation of a measured centre in scales, ``size_noise`` that of log sizes;
    ``speed`` and ``size_speed`` are deviations of the unknown speeds, in scales and in log sizes
    a second.
    """
    for c in range(4):
        r = noise * scale if c < 2 else size_noise
        q = speed * scale if c < 2 else size_speed
        f[POS + c] = z[c]
        f[VEL + c] = 0.0
        f[PXX + c] = r * r
        f[PXV + c] = 0.0
        f[PVV + c] = q * q


@nb.njit(cache=True, nogil=True)
def predict(f, dt, scale, fade, size_fade, speed, size_speed, jump):  # type: ignore[no-untyped-def]
    """Move filter ``f`` (20,) on by ``dt`` seconds.

    ``fade`` and ``size_fade`` are time constants of speeds in seconds, ``speed`` and
    ``size_speed`` their deviations in the long run, ``jump`` the deviation of a pose's jump in
    scales a root second.
    """
    for c in range(4):
        if c % 2 == 0:
            tau = fade if c == 0 else size_fade
            keep = math.exp(-dt / tau)
            reach = tau * (1.0 - keep)
            # Noise of a damped random acceleration over dt (Singer 1970, the exact integrals).
            q = 2.0 / tau
            qvv = q * 0.5 * tau * (1.0 - keep * keep)
            qxv = q * 0.5 * tau * tau * (1.0 - keep) * (1.0 - keep)
            qxx = q * tau * tau * (dt - 2.0 * reach + 0.5 * tau * (1.0 - keep * keep))
        s = speed * scale if c < 2 else size_speed
        s *= s
        j = jump * scale if c < 2 else jump * 0.5
        xv, vv = f[PXV + c], f[PVV + c]
        f[POS + c] += reach * f[VEL + c]
        f[VEL + c] *= keep
        f[PXX + c] += 2.0 * reach * xv + reach * reach * vv + s * qxx + j * j * dt
        f[PXV + c] = keep * (xv + reach * vv) + s * qxv
        f[PVV + c] = keep * keep * vv + s * qvv


@nb.njit(cache=True, nogil=True)
def correct(f, z, scale, noise, size_noise):  # type: ignore[no-untyped-def]
    """Take measurement ``z`` (4,) into filter ``f`` (20,)."""
    for c in range(4):
        r = noise * scale if c < 2 else size_noise
        total = f[PXX + c] + r * r
        kx = f[PXX + c] / total
        kv = f[PXV + c] / total
        miss = z[c] - f[POS + c]
        f[POS + c] += kx * miss
        f[VEL + c] += kv * miss
        f[PVV + c] -= kv * f[PXV + c]
        f[PXV + c] *= 1.0 - kx
        f[PXX + c] *= 1.0 - kx
