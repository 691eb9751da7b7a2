"""Whether a Jira is Cloud or Data Center, where a credential alone does not say it.

Somebody with an e-mail address and a token means Jira Cloud, unless the server is one of their own: then the token is a
personal one, and the address is not needed.
https://developer.atlassian.com/server/jira/platform/rest/v10003/api-group-serverinfo/
"""

from dataclasses import replace
from urllib.parse import urlsplit

from rootcoz.domain.errors import NotConfigured, Refused, Unavailable
from rootcoz.trackers.connection import JiraConnection, PersonalToken
from rootcoz.trackers.http import Errand, Limits, TrackerHttp
from rootcoz.trackers.jira import Wire, endpoint

CLOUD_DOMAINS = (".atlassian.net", ".jira.com", ".atlassian-us-gov-mod.net")
LIMITS = Limits(attempt_s=3.0, total_s=3.0, tries=1)
ASKING_KIND = Errand("question what it is", "say what it is", "description of a server")
_KEPT = 100
_known: dict[str, bool] = {}
"""Whether the Jira at an address is one of somebody's own."""


async def fitting(connection: JiraConnection) -> JiraConnection:
    """The connection with the kind of credential that this Jira reads.

    Raises NotConfigured for a token without the e-mail address that Cloud wants.
    """
    credential = connection.credential
    if (urlsplit(connection.url).hostname or "").endswith(CLOUD_DOMAINS):
        if isinstance(credential, PersonalToken):
            raise NotConfigured(
                "Jira Cloud needs the e-mail address of the account with its token: send jira_email, or save it with "
                "the token."
            )
        return connection
    if isinstance(credential, PersonalToken) or not await _is_ones_own(connection):
        return connection
    return replace(connection, credential=PersonalToken(credential.api_token))


async def _is_ones_own(connection: JiraConnection) -> bool:
    """Asked once for each address; when it does not say, the credential decides. No credential is sent."""
    known = _known.get(connection.url)
    if known is not None:
        return known
    anonymous = replace(endpoint(connection, LIMITS), headers={})
    try:
        info = await TrackerHttp(anonymous).get(
            _ServerInfo, "/rest/api/2/serverInfo", params={}, errand=ASKING_KIND
        )
    except Unavailable:
        return False
    except Refused:
        info = _ServerInfo()
    if len(_known) >= _KEPT:
        _known.clear()
    _known[connection.url] = info.deploymentType.casefold() not in {"", "cloud"}
    return _known[connection.url]


class _ServerInfo(Wire):
    deploymentType: str = ""  # noqa: N815 - Jira's spelling
