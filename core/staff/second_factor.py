"""The second factor: a device that shows time-based codes (RFC 6238), and recovery codes for when it is lost."""

from base64 import b32encode
from binascii import unhexlify
from urllib.parse import quote, urlencode

import segno
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import transaction
from django.http import HttpRequest
from django_otp.models import Device
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice, default_key

from core.eventlog import provenance
from core.staff.facts import StaffSecondFactorReset, StaffSecondFactorSet
from core.staff.record import put_on_record
from core.staff.sessions import end_sessions

ISSUER = "Countersign"
RECOVERY_CODES = 10
DIGITS = 6


def is_required() -> bool:
    """Everywhere but in the demo."""
    return bool(settings.SECOND_FACTOR_REQUIRED)


def is_enough(request: HttpRequest) -> bool:
    """Whether this session may act: one that was begun without a second factor may not where it is required."""
    return not is_required() or getattr(request.user, "otp_device", None) is not None


def has_device(user: AbstractBaseUser | AnonymousUser) -> bool:
    return bool(TOTPDevice.objects.filter(user_id=user.pk, confirmed=True).exists())


def new_key() -> str:
    """160 random bits in hexadecimal, as the device's row holds them."""
    return str(default_key())


def key_as_text(key: str) -> str:
    """In base32, in groups of four: for whoever can't scan."""
    text = b32encode(unhexlify(key)).decode()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def key_as_picture(key: str, username: str) -> str:
    """A QR code as a data: address. Source: github.com/google/google-authenticator/wiki/Key-Uri-Format."""
    secret = b32encode(unhexlify(key)).decode()
    parameters = urlencode({"secret": secret, "issuer": ISSUER, "digits": DIGITS, "period": 30})
    address = f"otpauth://totp/{quote(f'{ISSUER}:{username}')}?{parameters}"
    return segno.make(address, error="m", micro=False).svg_data_uri(scale=4, border=3, dark="#000", light="#fff")


def set_device(user: User, key: str, code: str) -> tuple[TOTPDevice, list[str]] | None:
    """The device, and the recovery codes to be shown once; None where the code is wrong or there is a device.

    All other sessions of the person end, since they were begun without it.
    """
    oath = TOTP(unhexlify(key), digits=DIGITS)
    if not code.isdecimal() or not oath.verify(int(code), tolerance=1):
        return None
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # two windows that set one up at once get one
        if has_device(user):
            return None
        # The code that was just given is used up.
        device = TOTPDevice.objects.create(user=user, name="", key=key, last_t=oath.t(), drift=oath.drift)
        codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
        recovery = StaticDevice.objects.create(user=user, name="")
        StaticToken.objects.bulk_create(StaticToken(device=recovery, token=one) for one in codes)
        with provenance.acting(f"staff:{user.pk}"):
            put_on_record(user.pk, StaffSecondFactorSet())
        end_sessions(user.pk)
    return device, codes


def verify_code(user: User, code: str) -> tuple[str, Device] | None:
    """`totp` or `recovery_code` and the device it is of; None where it is wrong, used already, or comes too soon after
    a wrong one (django-otp's throttling, by device: 1, 2, 4 … seconds).
    """
    kind, model = ("totp", TOTPDevice) if code.isdecimal() and len(code) == DIGITS else ("recovery_code", StaticDevice)
    with transaction.atomic():
        device = model.objects.filter(user=user, confirmed=True).select_for_update().first()
        if device is None or not device.verify_token(code):
            return None
    return kind, device


def reset(user: User) -> None:
    """Take device and recovery codes away, and end the person's sessions: they set up another at their next sign-in."""
    with transaction.atomic():
        for model in (TOTPDevice, StaticDevice):
            model.objects.filter(user=user).delete()
        put_on_record(user.pk, StaffSecondFactorReset())
        end_sessions(user.pk)
