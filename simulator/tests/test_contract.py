import pytest

from simulator.contract import Contract, ContractViolation, UnknownOperation, spell_path
from simulator.form import decode_form

SESSIONS = "/v1/checkout/sessions"


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract.load()


class TestForm:
    def test_brackets_nest(self) -> None:
        assert decode_form("a[b][c]=1&a[b][d]=x%20y&e=") == {"a": {"b": {"c": "1", "d": "x y"}}, "e": ""}

    def test_empty_brackets_count_up(self) -> None:
        assert decode_form("expand[]=a&expand[]=b") == {"expand": {"0": "a", "1": "b"}}

    def test_a_name_used_as_text_and_as_a_tree_does_not_crash(self) -> None:
        assert decode_form("a=1&a[b]=2") == {"a": {"b": "2"}}


class TestRequests:
    def test_text_gets_the_types_of_the_schema(self, contract: Contract) -> None:
        body = (
            "mode=payment&line_items[1][quantity]=2&line_items[0][quantity]=1&adaptive_pricing[enabled]=false"
            "&metadata[order_id]=7&line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=500"
        )
        checked = contract.check_request("POST", SESSIONS, body=body)
        assert checked.params["line_items"][0] == {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 500}}
        assert checked.params["line_items"][1] == {"quantity": 2}
        assert checked.params["adaptive_pricing"] == {"enabled": False}
        assert checked.params["metadata"] == {"order_id": "7"}

    def test_ids_are_read_from_the_path(self, contract: Contract) -> None:
        checked = contract.check_request("POST", f"{SESSIONS}/cs_1/expire")
        assert (checked.operation.path, checked.path_params) == (f"{SESSIONS}/{{session}}/expire", {"session": "cs_1"})

    def test_a_literal_segment_is_no_id(self, contract: Contract) -> None:
        checked = contract.check_request("GET", "/v1/payment_intents/search", query="query=status:'succeeded'")
        assert checked.path_params == {}

    def test_either_shape_of_created_is_understood(self, contract: Contract) -> None:
        assert contract.check_request("GET", "/v1/events", "created[gte]=5").params["created"] == {"gte": 5}
        assert contract.check_request("GET", "/v1/events", "created=5").params["created"] == 5

    @pytest.mark.parametrize(
        ("body", "param", "code"),
        [
            ("colour=red", "colour", "parameter_unknown"),
            ("line_items[0][price_data][sku]=1", "line_items[0][price_data][sku]", "parameter_unknown"),
            ("line_items[0][price_data][unit_amount]=5", "line_items[0][price_data][currency]", "parameter_missing"),
            ("line_items[0][quantity]=two", "line_items[0][quantity]", "parameter_invalid_integer"),
            ("line_items[0][quantity]=1.5", "line_items[0][quantity]", "parameter_invalid_integer"),
            ("mode=rent", "mode", None),
            ("adaptive_pricing[enabled]=yes", "adaptive_pricing[enabled]", None),
            ("line_items=none", "line_items", None),
            ("metadata=none", "metadata", None),
        ],
    )
    def test_what_does_not_fit_is_named(self, contract: Contract, body: str, param: str, code: str | None) -> None:
        with pytest.raises(ContractViolation) as caught:
            contract.check_request("POST", SESSIONS, body=body)
        assert (caught.value.param, caught.value.code) == (param, code)

    def test_a_get_takes_no_body_and_a_post_no_query(self, contract: Contract) -> None:
        with pytest.raises(ContractViolation, match="unknown parameter: limit"):
            contract.check_request("GET", SESSIONS, body="limit=3")
        with pytest.raises(ContractViolation, match="unknown parameter: mode"):
            contract.check_request("POST", SESSIONS, query="mode=payment")

    def test_an_unknown_path_is_no_operation(self, contract: Contract) -> None:
        with pytest.raises(UnknownOperation):
            contract.check_request("POST", "/v1/checkout/session")


class TestObjects:
    def test_null_is_allowed_only_where_the_contract_says_so(self, contract: Contract) -> None:
        item: dict[str, object] = {"amount_discount": 0, "amount_subtotal": 1, "amount_tax": 0, "amount_total": 1}
        item |= {"id": "li_1", "object": "item", "currency": "usd", "price": None}
        contract.check_object("item", item)
        with pytest.raises(ContractViolation, match="item: "):
            contract.check_object("item", item | {"currency": None})

    def test_a_field_that_stripe_does_not_have_is_refused(self, contract: Contract) -> None:
        with pytest.raises(ContractViolation, match="colour"):
            contract.check_object("error", {"error": {"type": "api_error", "colour": "red"}})

    def test_an_event_is_checked_with_its_object_inside(self, contract: Contract) -> None:
        event = {"id": "evt_1", "object": "event", "created": 1, "livemode": False, "pending_webhooks": 0, "type": "x"}
        with pytest.raises(ContractViolation, match="charge: "):
            contract.check_answer(event | {"data": {"object": {"object": "charge", "id": "ch_1"}}})

    def test_a_deleted_object_needs_no_more_than_its_name(self, contract: Contract) -> None:
        deleted = {"id": "TEN", "object": "coupon", "deleted": True}
        contract.check_answer(deleted)
        with pytest.raises(ContractViolation, match="deleted_coupon: "):
            contract.check_answer(deleted | {"valid": False})

    def test_every_schema_of_the_contract_compiles(self, contract: Contract) -> None:
        for name in contract.objects:
            with pytest.raises(ContractViolation):
                contract.check_object(name, 0)


def test_paths_are_spelled_as_stripe_does() -> None:
    assert spell_path(["line_items", 0, "quantity"]) == "line_items[0][quantity]"
    assert spell_path([]) == ""
