"""The project's settings with three packages that limit visitors by their address.

None of them is told how to find it.
"""

from mysite.settings import *  # noqa: F403

ROOT_URLCONF = "limited.urls"

INSTALLED_APPS += ["axes", "allauth", "allauth.account", "rest_framework"]  # noqa: F405
MIDDLEWARE += [  # noqa: F405
    "axes.middleware.AxesMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    *AUTHENTICATION_BACKENDS,  # noqa: F405
]

LOGIN_ATTEMPTS = 3
AXES_FAILURE_LIMIT = 5
ACCOUNT_RATE_LIMITS = {"login": "3/h/ip"}
REST_FRAMEWORK = {
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "3/hour"},
}
