"""The vhost-user protocol: both sides as machines without I/O, and the socket under them.

``wire.py``, ``message.py`` and the messages by subject (all in ``messages.py``) are what may be said; ``table.py`` is
when; ``frontend.py`` and ``backend.py`` are the two speakers; ``connection.py`` and ``channel.py`` give them a socket.
"""
