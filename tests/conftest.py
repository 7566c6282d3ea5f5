"""The running shop, for the tests in the folders below."""

from tests.shop import running_shop, shop, shopper  # noqa: F401 fixtures are found by being here
