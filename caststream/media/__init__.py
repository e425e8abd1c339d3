"""Sources in, pictures out."""
