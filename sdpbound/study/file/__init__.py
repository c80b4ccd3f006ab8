"""What a study's file says: points, noises, quantities, methods. Read, validated, never run.

What may come in: a TOML file from anyone. What is handed on: a :class:`~sdpbound.study.file.spec.StudySpec`.
"""
