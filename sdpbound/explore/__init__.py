"""The explorer: a local page with sliders, and the numbers, pictures and files of what it shows.

What may come in: texts, as a person types them. What is handed on: numbers with their sides, pictures, Python code, a
study file. Three layers:

- the model, without any framework: ``state`` (texts and what they mean), ``numbers`` (what is computed), ``slices``
  (the three sets in a plane), ``maps``, ``drawing`` (pictures as SVG), ``giving`` (code, study, figure)
- the work: ``worker`` is a process for each person's page, ``session`` the page's end of it
- the page: ``page_`` and ``server_``, the only files that import the framework

The page asks for nothing from elsewhere, and sends nothing there.
"""

from __future__ import annotations
