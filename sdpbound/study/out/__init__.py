"""The outputs of a study: files of its table, grids, charts, reports and figures.

What may come in: rows in the order of the study. What is handed on: files; no file is left half-written.
"""
