"""The studio: a page in the browser, served from this machine, in which a real network learns in front of you.

:mod:`~glassnet.studio.session` holds the one run that is being trained and the tabs that watch it;
:mod:`~glassnet.studio.server` brings them to the browser, guarded by :mod:`~glassnet.studio.security`. ``glassnet studio``
on the command line starts it. Importing glassnet does not load this.
"""

from __future__ import annotations

__all__: list[str] = []
