"""rescue502: find the true cause of a 502, mend only that, prove that the site answers again."""

__version__ = "0.3.0"
