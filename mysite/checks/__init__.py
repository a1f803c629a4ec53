"""
System checks that speak Heroku: the release phase runs them, and on a laptop
`python manage.py check --deploy` does, before the push.

Each names the cause, then the command that mends it; docs/errors.md says more under
the check's number. Those tagged "configuration" also keep a server from starting. No
message repeats a config var: any of them may be a password that was pasted wrongly.
"""

from mysite.checks import config_vars, project, server
from mysite.checks.registry import ATTACH, refuse_to_boot

__all__ = ["ATTACH", "config_vars", "project", "refuse_to_boot", "server"]
