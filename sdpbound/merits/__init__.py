"""Figures of merit: linear functionals of what the parties and Eve hold."""
