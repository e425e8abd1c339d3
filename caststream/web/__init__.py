"""The page on which people name characters."""
