"""Puts what a store holds into the forms that other tools read."""
