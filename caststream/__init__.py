"""A stream filter that finds, follows, learns and labels the characters of animated video."""
