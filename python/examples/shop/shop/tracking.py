"""What customers do, sent to Product Analytics."""

from __future__ import annotations

from altertable import Altertable

from shop.settings import Settings


class Tracking:
    """Tells Altertable what happens."""

    def __init__(self, settings: Settings) -> None:
        self._client = Altertable(settings.api_key, server_url=settings.analytics_url)

    def viewed(self, customer: str, sku: str) -> None:
        """A customer looked at an article."""
        self._client.track("product_viewed", customer, {"properties": {"sku": sku}})

    def signed_in(self, visitor: str, customer: str) -> None:
        """A visitor turned out to be a customer."""
        self._client.identify(customer, {"anonymous_id": visitor})
