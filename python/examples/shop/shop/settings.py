"""Where Altertable is, and who the shop is there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Addresses and credentials; the defaults are the hosted service."""

    user: str
    password: str
    api_key: str
    lakehouse_url: str = "https://api.altertable.ai"
    analytics_url: str = "https://api.altertable.ai"
    flight_host: str = "flight.altertable.ai"
    flight_port: int = 443
    flight_tls: bool = True
