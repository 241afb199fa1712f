"""The one push URL of a Leap account: looked at before it is written, and left alone if it is another's."""

from enum import StrEnum

from homeassistant.components import webhook

from .api.client import LeapClient
from .api.models import Header, Webhook, WebhookKind
from .const import WEBHOOK_SECRET_HEADER


class Owner(StrEnum):
    """Whose URL Leap posts to."""

    NOBODY = "nobody"
    OURS = "ours"
    FOREIGN = "foreign"


class Registration:
    """What one entry asks Leap to post to."""

    def __init__(self, webhook_id: str, secret: str) -> None:
        """Name the entry's own webhook."""
        self._path = webhook.async_generate_path(webhook_id)
        self._secret = secret

    def owner(self, found: Webhook | None, *known: str | None) -> Owner:
        """Tell whose a URL is; `known` are ours whose path is not, as a cloud hook's."""
        if found is None:
            return Owner.NOBODY
        ours = found.url in known or found.url.endswith(self._path)
        return Owner.OURS if ours else Owner.FOREIGN

    def wanted(self, url: str) -> Webhook:
        """Build what Leap should hold."""
        return Webhook(url=url, headers=(Header(name=WEBHOOK_SECRET_HEADER, value=self._secret),))

    def complete(self, found: Webhook, url: str) -> bool:
        """Tell whether Leap already posts to the URL with the secret that is valid now."""
        headers = {header.name.lower(): header.value for header in found.headers}
        return found.url == url and headers.get(WEBHOOK_SECRET_HEADER) == self._secret

    async def async_ensure(self, client: LeapClient, url: str, *known: str | None) -> Owner:
        """Register the URL unless another's is there; tells whose was found."""
        found = await client.get_webhook(WebhookKind.METER)
        owner = self.owner(found, url, *known)
        if owner is Owner.FOREIGN or (found is not None and self.complete(found, url)):
            return owner
        await client.put_webhook(WebhookKind.METER, self.wanted(url))
        return owner

    async def async_replace(self, client: LeapClient, url: str) -> None:
        """Register the URL whatever is there: only on the user's word."""
        await client.put_webhook(WebhookKind.METER, self.wanted(url))

    async def async_withdraw(self, client: LeapClient, *known: str | None) -> None:
        """Delete the URL at Leap if it is ours."""
        found = await client.get_webhook(WebhookKind.METER)
        if self.owner(found, *known) is Owner.OURS:
            await client.delete_webhook(WebhookKind.METER)
