"""Every speed claim, measured in one run beside its peer: ``make bench``."""
