"""From files to raw tables: contracts, readers, landing lake, loads and the quality
gate on raw.
"""
