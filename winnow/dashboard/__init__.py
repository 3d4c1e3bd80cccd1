"""The dashboard: pages about the published generation (``winnow dashboard``).

It needs the extra ``dashboard``, which nothing else imports.
"""
