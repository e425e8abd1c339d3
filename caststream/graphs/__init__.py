"""The graphs that ship with caststream, as TOML files."""
