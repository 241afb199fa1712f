"""Every type of Leap's that the rest of the home uses."""

from .dispatches import GroupDispatch, MeterDispatch, Timeslot
from .meters import (
    Device,
    Enrollment,
    Meter,
    MeterSearch,
    Participation,
    ProgramEnrollment,
    RequiredAction,
)
from .notification import Notification, NotificationError, decode_notification
from .webhooks import (
    CommunicationTest,
    CommunicationTestResult,
    Header,
    IntegrationTestResult,
    Webhook,
    WebhookKind,
)

__all__ = [
    "CommunicationTest",
    "CommunicationTestResult",
    "Device",
    "Enrollment",
    "GroupDispatch",
    "Header",
    "IntegrationTestResult",
    "Meter",
    "MeterDispatch",
    "MeterSearch",
    "Notification",
    "NotificationError",
    "Participation",
    "ProgramEnrollment",
    "RequiredAction",
    "Timeslot",
    "Webhook",
    "WebhookKind",
    "decode_notification",
]
