"""What a study gives out: files of its table, grids, charts, reports and figures.

What may come in: rows in the order of the study. What is handed on: files; nothing half-written is left.
"""
