"""Stripe's API as `contract.json` has it: checks requests on their way in and objects on their way out.

    contract = Contract.load()
    contract.check_request("POST", "/v1/refunds", body="payment_intent=pi_1&amount=100").params
    contract.check_object("refund", refund)

Used by the simulator, and by the project's tests on every request that leaves stripe-python.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT4

from simulator.form import coerce, decode_form

CONTRACT_FILE = Path(__file__).with_name("contract.json")
_OBJECTS_URI = "urn:stripe-contract"


class ContractViolation(Exception):
    """What the contract does not allow; `param` is spelled as Stripe does: `line_items[0][quantity]`."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message, self.param, self.code = message, param, code


class UnknownOperation(ContractViolation):
    """No operation of the contract has this method and path."""


@dataclass(frozen=True)
class Operation:
    """One row of the contract: `path` is a template such as `/v1/charges/{charge}`."""

    method: str
    path: str
    returns: str | None
    query: dict[str, Any] = field(repr=False)
    body: dict[str, Any] = field(repr=False)
    pattern: re.Pattern[str] = field(repr=False)
    query_validator: Draft4Validator = field(repr=False)
    body_validator: Draft4Validator = field(repr=False)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "Operation":
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(row["path"]))
        closed = {"type": "object", "properties": {}, "additionalProperties": False}
        query, body = row["query"] or closed, row["body"] or closed
        compiled = re.compile(pattern), Draft4Validator(query), Draft4Validator(body)
        return cls(row["method"], row["path"], row["returns"], query, body, *compiled)


@dataclass(frozen=True)
class CheckedRequest:
    """What a valid request means: its operation, the ids in its path, its typed parameters."""

    operation: Operation
    path_params: dict[str, str]
    params: dict[str, Any]


class Contract:
    """The parsed contract; validators are compiled once, on load or on first use."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.version: str = document["stripe_version"]
        # A literal segment wins over a parameter: /v1/payment_intents/search is not an intent called "search".
        rows = sorted(document["operations"], key=lambda row: row["path"].count("{"))
        self.operations = [Operation.from_row(row) for row in rows]
        self.objects: dict[str, Any] = {name: _close(schema) for name, schema in document["objects"].items()}
        resource = DRAFT4.create_resource({"objects": self.objects})
        self._registry: Registry[Any] = Registry().with_resource(_OBJECTS_URI, resource)
        self._validators: dict[str, Draft4Validator] = {}

    @classmethod
    @cache
    def load(cls) -> "Contract":
        return cls(json.loads(CONTRACT_FILE.read_text()))

    def find_operation(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        for operation in self.operations:
            if operation.method == method and (match := operation.pattern.fullmatch(path)):
                return operation, match.groupdict()
        raise UnknownOperation(f"Unrecognized request URL ({method}: {path}).")

    def check_request(self, method: str, path: str, query: str = "", body: str = "") -> CheckedRequest:
        """Decode, coerce and validate the raw query string and form body; raises ContractViolation."""
        operation, path_params = self.find_operation(method, path)
        params: dict[str, Any] = {}
        for text, schema, validator in (
            (query, operation.query, operation.query_validator),
            (body, operation.body, operation.body_validator),
        ):
            decoded = coerce(schema, decode_form(text))
            if error := best_match(validator.iter_errors(decoded)):
                raise _violation(error)
            params |= decoded
        return CheckedRequest(operation, path_params, params)

    def check_object(self, name: str, value: Any) -> None:
        """Validate an object of Stripe's; unknown fields are refused too. Objects that the contract leaves out pass."""
        if name not in self.objects:
            return
        if name not in self._validators:
            schema = {"$ref": f"{_OBJECTS_URI}#/objects/{name}"}
            self._validators[name] = Draft4Validator(schema, registry=self._registry)
        if error := best_match(self._validators[name].iter_errors(value)):
            raise ContractViolation(f"{name}: {error.message}", spell_path(error.absolute_path))

    def check_answer(self, value: dict[str, Any]) -> None:
        """Validate any answer by its own `object`: a list's items each, an event's object too."""
        if value.get("object") in ("list", "search_result"):
            for item in value["data"]:
                self.check_answer(item)
            return
        self.check_object("error" if "error" in value else _name_of(value), value)
        if value.get("object") == "event":
            self.check_answer(value["data"]["object"])

    def blank(self, name: str) -> dict[str, Any]:
        """An object with every nullable field present and null, as Stripe sends the fields it has no value for."""
        return {key: None for key, schema in self.objects[name]["properties"].items() if _allows_null(schema)}


def _name_of(value: dict[str, Any]) -> str:
    """What the contract calls this object; of a deleted one only the name is left."""
    return f"deleted_{value['object']}" if value.get("deleted") is True else str(value["object"])


def spell_path(path: Iterable[str | int]) -> str:
    """`["line_items", 0, "quantity"]` as Stripe writes it: `line_items[0][quantity]`."""
    head, *rest = [str(part) for part in path] or [""]
    return head + "".join(f"[{part}]" for part in rest)


def _violation(error: Any) -> ContractViolation:
    path, value, rule = list(error.absolute_path), error.instance, error.validator
    if rule == "additionalProperties":
        unknown = next(key for key in value if key not in error.schema.get("properties", {}))
        param = spell_path([*path, unknown])
        return ContractViolation(f"Received unknown parameter: {param}", param, "parameter_unknown")
    if rule == "required":
        missing = next(key for key in error.validator_value if key not in value)
        param = spell_path([*path, missing])
        return ContractViolation(f"Missing required param: {param}.", param, "parameter_missing")
    param = spell_path(path)
    if rule == "enum":
        allowed = ", ".join(str(choice) for choice in error.validator_value)
        return ContractViolation(f"Invalid {param}: must be one of {allowed}", param)
    wanted = error.validator_value if rule == "type" else "value"
    code = "parameter_invalid_integer" if wanted == "integer" else None
    return ContractViolation(f"Invalid {wanted}: {value}", param, code)


def _close(schema: Any) -> Any:
    """Turn OpenAPI 3.0's `nullable` into JSON Schema, and refuse fields that the contract does not know."""
    if isinstance(schema, list):
        return [_close(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _close(value) for key, value in schema.items() if key != "nullable"}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return {"anyOf": [{"type": "null"}, closed]} if schema.get("nullable") is True else closed


def _allows_null(schema: dict[str, Any]) -> bool:
    return {"type": "null"} in schema.get("anyOf", [])
