"""Study files: points, noises, quantities and methods are read and checked, and nothing in a file is ever run.

What may come in: a TOML file from anyone. What is handed on: a :class:`~sdpbound.study.file.spec.StudySpec`.
"""
