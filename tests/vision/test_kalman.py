"""The filter against the textbook's matrices, and against time cut into other pieces."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from caststream.vision import kalman

FADE, SPEED, JUMP, NOISE, SCALE = 0.6, 1.0, 0.2, 0.06, 50.0
SIZE_FADE, SIZE_SPEED, SIZE_NOISE = 0.4, 0.3, 0.08
seconds = st.floats(0.01, 3.0)


def started() -> np.ndarray:
    f = np.zeros(kalman.WIDTH)
    kalman.begin(f, np.array([10.0, 20.0, 3.0, 4.0]), SCALE, NOISE, SIZE_NOISE, SPEED, SIZE_SPEED)
    f[kalman.VEL] = 30.0
    f[kalman.VEL + 2] = 0.7
    return f


def moved(f: np.ndarray, dt: float) -> np.ndarray:
    f = f.copy()
    kalman.predict(f, dt, SCALE, FADE, SIZE_FADE, SPEED, SIZE_SPEED, JUMP)
    return f


def matrices(f: np.ndarray, c: int) -> tuple[np.ndarray, np.ndarray]:
    xx, xv, vv = f[kalman.PXX + c], f[kalman.PXV + c], f[kalman.PVV + c]
    return np.array([f[kalman.POS + c], f[kalman.VEL + c]]), np.array([[xx, xv], [xv, vv]])


def noise(dt: float, fade: float, speed: float, jump: float) -> np.ndarray:
    # Van Loan 1978: the noise of a continuous system over dt, by one matrix exponential.
    a = np.array([[0.0, 1.0], [0.0, -1.0 / fade]])
    q = np.diag([jump**2, 2.0 / fade * speed**2])
    big = expm(np.block([[-a, q], [np.zeros((2, 2)), a.T]]) * dt)
    return big[2:, 2:].T @ big[:2, 2:]


PLACE = (0, FADE, SPEED * SCALE, JUMP * SCALE)
SIZE = (2, SIZE_FADE, SIZE_SPEED, 0.5 * JUMP)


@settings(deadline=None, max_examples=50)
@given(seconds, st.sampled_from((PLACE, SIZE)))
def test_prediction_is_that_of_a_damped_random_acceleration(
    dt: float, kind: tuple[int, float, float, float]
) -> None:
    f = started()
    c, fade, speed, jump = kind
    x, p = matrices(f, c)
    a = expm(np.array([[0.0, 1.0], [0.0, -1.0 / fade]]) * dt)
    x, p = a @ x, a @ p @ a.T + noise(dt, fade, speed, jump)
    now_x, now_p = matrices(moved(f, dt), c)
    assert np.allclose(now_x, x, rtol=1e-6)
    assert np.allclose(now_p, p, rtol=1e-6, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(seconds, st.integers(2, 12))
def test_any_rate_predicts_the_same(dt: float, pieces: int) -> None:
    whole, parts = moved(started(), dt), started()
    for _ in range(pieces):
        parts = moved(parts, dt / pieces)
    assert np.allclose(whole, parts, rtol=1e-6, atol=1e-9)


@settings(deadline=None, max_examples=50)
@given(seconds, st.floats(-200, 200))
def test_correction_is_the_textbook_update(dt: float, measured: float) -> None:
    f = moved(started(), dt)
    x, p = matrices(f, 0)
    h = np.array([[1.0, 0.0]])
    gain = p @ h.T / (h @ p @ h.T + (NOISE * SCALE) ** 2)
    x = x + (gain * (measured - x[0])).ravel()
    p = (np.eye(2) - gain @ h) @ p
    kalman.correct(f, np.array([measured, 0.0, 0.0, 0.0]), SCALE, NOISE, SIZE_NOISE)
    now_x, now_p = matrices(f, 0)
    assert np.allclose(now_x, x)
    assert np.allclose(now_p, p)
