"""Watching an archive: every new film once, whatever it is called and whenever we were killed."""
