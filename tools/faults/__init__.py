"""The fault suite: what breaks in weeks of running, made to happen in minutes, on loopback."""
