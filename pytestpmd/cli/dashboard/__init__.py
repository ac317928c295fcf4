"""A full screen of ports, queues, streams and lcores, live, with the last minutes to look back on.

``look.py`` reads what is counted, ``figures.py`` makes it rates, ``history.py`` keeps these; ``views.py`` says what
is shown of one moment and ``sheet.py``, ``marks.py`` and ``frame.py`` lay it out for a size, all of them functions of
their arguments. ``state.py`` is what keys do. ``screen.py`` alone touches the terminal.
"""
