"""
System checks that know Heroku. The release phase runs them, and so does
`python manage.py check --deploy` before a push.

Each message names the cause and, after "Fix:", the command; docs/errors.md says more
under its number. Those tagged "configuration" also keep a server from starting. No
message repeats a config var: any of them may be a password that was pasted wrongly.
"""

from dyno.checks import config_vars, databases, pages, policy, procfile  # noqa: F401
from dyno.checks.registry import refuse_to_boot  # noqa: F401
