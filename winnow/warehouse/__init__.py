"""The warehouse's database: opening, quoting, its builds, functions for its SQL."""
