"""
System checks that know Heroku. The release phase runs them, and so does
`python manage.py check --deploy` before a push. Those tagged "configuration" also keep
a server from starting. Each message names the cause and, after "Fix:", the command. It
repeats no config var: any of them may be a password that was pasted wrongly.
"""

from dyno.checks import config_vars, databases, pages, policy, procfile  # noqa: F401
from dyno.checks.registry import refuse_to_boot  # noqa: F401
