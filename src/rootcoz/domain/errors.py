"""The tree of errors, by who can put it right.

    RootcozError
    ├── CallerError                 the caller can: change the request
    │   ├── InvalidInput            what was sent is malformed or contradicts itself
    │   │   └── InvalidReport       a report document cannot be read
    │   ├── NotConfigured           the server lacks a setting that the request needs
    │   ├── TooLarge                over a documented limit
    │   ├── NotFound
    │   │   └── NoSuchAnalysis      no analysis has this job ID
    │   ├── Conflict                the thing is in a state that forbids it
    │   │   ├── AnalysisAborted     somebody stopped the analysis
    │   │   ├── TakenOver           another process works on the analysis now
    │   │   └── DataDirectoryInUse  another process works on the data directory
    │   ├── NotSignedIn             the requester has not proven who they are
    │   ├── TooManyAttempts         a limit on attempts; carries `retry_after_s`
    │   └── NotAllowed              the requester lacks the right
    │       └── BudgetSpent         what may be spent on AIs is spent
    ├── ServerStopping              nobody: the same request works after the next start
    ├── KeysUnavailable             the operator: keys that the server made cannot be used
    ├── StoreUnavailable            the operator: our database cannot be used at the moment
    └── OutsideError                something outside us failed; carries `source` and `retryable`
        ├── Unavailable             no answer: time-out, connection refused, could not start
        │   ├── RateLimited         it asks to be left alone for a while; says for how long, if it knows
        │   └── OutcomeUnknown      what was asked for may or may not have been done
        └── Refused                 an answer that says no: bad key, unknown model, unusable reply
            └── CredentialRefused   it does not accept the credential, or not for this

Whatever is not in the tree is a bug of ours. Messages say what happened, to which thing, and what to do; they
never hold a token, a password or a whole log. The core never names HTTP: `api/errors.py` has the table of
statuses, `cli/main.py` that of exit codes.
"""

_NAME_SHOWN = 100


class RootcozError(Exception):
    """Any error this program raises on purpose. `str(error)` is a sentence for the user."""


class CallerError(RootcozError):
    """The caller can put it right by changing the request."""


class InvalidInput(CallerError):
    """What was sent is malformed or contradicts itself."""


class InvalidReport(InvalidInput):
    """A report document cannot be read."""


class NotConfigured(CallerError):
    """The server lacks a setting that the request needs; the message names the setting."""


class TooLarge(CallerError):
    """Over a documented limit; the message names the limit."""


class NotFound(CallerError):
    """There is no such thing."""


class NoSuchAnalysis(NotFound):
    """There is no analysis of this job ID, or no longer."""

    def __init__(self, job_id: str) -> None:
        """Name it, however long what was asked for is."""
        name = job_id if len(job_id) <= _NAME_SHOWN else f"{job_id[:_NAME_SHOWN]}…"
        super().__init__(f"There is no analysis {name}; it may have been deleted.")


class Conflict(CallerError):
    """The thing is in a state that forbids what was asked."""


class StillInProgress(Conflict):
    """The analysis goes on; what was asked is possible when it is over."""


class AnalysisAborted(Conflict):
    """Somebody stopped the analysis; the store knows who."""


class TakenOver(Conflict):
    """Another process works on the analysis now: it took this one for dead."""


class NotSignedIn(CallerError):
    """The requester has not proven who they are, or what they proved it with is not valid."""


class TooManyAttempts(CallerError):
    """There were too many attempts; the same one is looked at again later."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """Seconds after which it may be tried again; at least 1."""


class NotAllowed(CallerError):
    """The requester lacks the right."""


class BudgetSpent(NotAllowed):
    """What may be spent on AIs is spent; the message says which budget."""


class ServerStopping(RootcozError):
    """The server stops while somebody waits for an analysis, which goes on at the next start."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"The server is stopping. Analysis {job_id} goes on when the server is started again: ask for "
            f"GET /results/{job_id} then."
        )


class StoreUnavailable(RootcozError):
    """Our own database cannot be used at the moment: the disk is full, or the connection is lost.

    No trouble of a provider or tracker, which an analysis can do without: it goes on when the database works again.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database cannot be used at the moment: {reason.rstrip('.')}. Nothing that was accepted is lost; "
            "the work goes on when the database works again."
        )


class KeysUnavailable(RootcozError):
    """Keys that the server made for itself, or was to make, cannot be used; the message says what to do."""


class OutsideError(RootcozError):
    """Something outside us failed."""

    def __init__(self, message: str, *, source: str, retryable: bool) -> None:
        super().__init__(message)
        self.source = source
        """Who failed, for example `provider claude`."""
        self.retryable = retryable
        """Whether the same call may succeed later without anybody changing anything."""


class Unavailable(OutsideError):
    """No answer: a time-out, a refused connection, a program that cannot be started."""

    def __init__(self, message: str, *, source: str, timed_out: bool = False) -> None:
        super().__init__(message, source=source, retryable=True)
        self.timed_out = timed_out


class RateLimited(Unavailable):
    """It asks to be left alone for a while: a rate limit or overload."""

    def __init__(self, message: str, *, source: str, retry_after_s: float | None = None) -> None:
        super().__init__(message, source=source)
        self.retry_after_s = retry_after_s
        """Seconds after which it wants to be asked again, if it says so."""


class OutcomeUnknown(Unavailable):
    """What was asked for may or may not have been done: it was sent, and no usable answer came back."""


class Refused(OutsideError):
    """An answer that says no: a bad key, an unknown model, a reply that cannot be used."""

    def __init__(self, message: str, *, source: str, not_found: bool = False) -> None:
        super().__init__(message, source=source, retryable=False)
        self.not_found = not_found
        """Whether it says no more than that the thing is not there, or not shown to us."""


class CredentialRefused(Refused):
    """It does not accept the credential, or not for what was asked: another credential can help."""


class DataDirectoryInUse(Conflict):
    """Another process works on the data directory."""

    def __init__(self, message: str, *, server_url: str | None, pid: int | None) -> None:
        super().__init__(message)
        self.server_url = server_url
        """Where the other process serves, if it is a server."""
        self.pid = pid
