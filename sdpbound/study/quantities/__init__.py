"""The quantities of studies: each knows how it is evaluated at a point, what proves it, and how its rows are audited.

What may come in: what a study asks (:class:`~sdpbound.study.quantities.kind.Asked`) at a point with its noise and data
(:class:`~sdpbound.study.quantities.at_point.AtPoint`). What is handed on: rows, and what an audit says of them. A
quantity is a class, or an object of one, and a line of the table
:data:`~sdpbound.study.quantities.table.QUANTITIES`.
"""
