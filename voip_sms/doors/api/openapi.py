"""Writes the OpenAPI 3.1 document from the operations and the models that they name."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from voip_sms.core.failures import CODES, RETRY_AFTER_SECONDS
from voip_sms.core.resources.problems import MEDIA_TYPE, ProblemShown
from voip_sms.doors.api.idempotency import REPLAYED
from voip_sms.doors.api.operations import OPERATIONS, Operation, Parameter

Json = dict[str, Any]

VERSION: Final = "1.0.0"
"""Of the interface: it grows with what is added, and `/v1` changes with what would break a caller."""

_REF: Final = "#/components/schemas/{model}"
_EVERYWHERE: Final = ("unauthorized", "forbidden", "rate_limited", "store_unavailable")
_WITH_BODY: Final = ("malformed", "invalid", "too_large")
_ABOUT: Final = (
    "Send and receive SMS. Every request carries an API key as `Authorization: Bearer …`; bodies are JSON in"
    " UTF-8. Times are RFC 3339 in UTC, money is a decimal text with its currency. Lists are newest first and"
    " go on after the last id seen (`starting_after`) while `has_more` is true. A refusal is answered as"
    " a problem document (RFC 9457), whose `code` stays the same when its words change."
)

_Model = tuple[Any, JsonSchemaMode]


def document(operations: Iterable[Operation] = OPERATIONS) -> Json:
    """The whole document, the same on every call."""
    listed = tuple(operations)
    references, schemas = _schemas(_models(listed))
    paths: dict[str, Json] = {}
    for operation in listed:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": "voip_sms", "version": VERSION, "description": _ABOUT},
        "security": [{"key": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in listed)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
        },
    }


# --- schemas ------------------------------------------------------------------------------------------------


def _shown(operation: Operation) -> tuple[Any, ...]:
    shown = operation.shown
    return () if shown is None else shown if isinstance(shown, tuple) else (shown,)


def _models(operations: Iterable[Operation]) -> Iterator[_Model]:
    yield ProblemShown, "serialization"
    for operation in operations:
        if operation.body is not None:
            yield operation.body.annotation, "validation"
        for shown in _shown(operation):
            yield shown, "serialization"


def _schemas(models: Iterable[_Model]) -> tuple[Mapping[str, Json], Json]:
    """The schema of each model by `_key`, and what these refer to, by name and in alphabetical order."""
    inputs = {_key(model): (model, mode) for model, mode in models}
    found, definitions = TypeAdapter.json_schemas(
        [(key, mode, TypeAdapter(model)) for key, (model, mode) in inputs.items()], ref_template=_REF
    )
    named = definitions.get("$defs", {})
    return {str(key): schema for (key, _), schema in found.items()}, dict(sorted(named.items()))


def _key(model: Any) -> str:
    return getattr(model, "__name__", None) or str(model)


# --- operations ---------------------------------------------------------------------------------------------


def _operation(operation: Operation, references: Mapping[str, Json]) -> Json:
    described: Json = {"operationId": operation.name, "tags": [operation.tag], "summary": operation.summary}
    scopes = " or ".join(f"`{scope}`" for scope in sorted(operation.scopes))
    described["description"] = f"{operation.description} Scope: {scopes}.".strip()
    # OpenAPI 3.1 section 4.8.30: of other schemes than OAuth the list names roles; any one of ours will do.
    described["security"] = [{"key": [scope]} for scope in sorted(operation.scopes)]
    parameters = [_parameter(parameter) for parameter in operation.parameters]
    if "{id}" in operation.path:
        parameters.insert(0, {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}})
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": references[_key(operation.body.annotation)]}},
        }
    described["responses"] = {str(operation.status): _success(operation, references), **_problems(operation)}
    return described


def _parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _success(operation: Operation, references: Mapping[str, Json]) -> Json:
    schemas = [references[_key(shown)] for shown in _shown(operation)]
    if not schemas:
        return {"description": "Done."}
    schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
    answer: Json = {"description": "Done.", "content": {"application/json": {"schema": schema}}}
    if any(parameter.name == "Idempotency-Key" for parameter in operation.parameters):
        answer["description"] = "Stored."
        answer["headers"] = {
            REPLAYED: {"description": "`true` when nothing new was stored.", "schema": {"type": "string"}}
        }
    return answer


def _problems(operation: Operation) -> Json:
    """The refusals by status; several codes share one."""
    codes = dict.fromkeys(operation.refusals + _EVERYWHERE)
    if operation.body is not None:
        codes.update(dict.fromkeys(_WITH_BODY))
    by_status: dict[int, list[str]] = {}
    for name in codes:
        by_status.setdefault(CODES[name].http, []).append(name)
    return {str(status): _problem(names) for status, names in sorted(by_status.items())}


def _problem(names: list[str]) -> Json:
    described = "; ".join(f"`{name}`: {CODES[name].title}" for name in names)
    answer: Json = {
        "description": described + ".",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model=ProblemShown.__name__)}}},
    }
    if {"rate_limited", "store_unavailable"} & set(names):
        answer["headers"] = {
            "Retry-After": {
                "description": f"Seconds to wait; usually {RETRY_AFTER_SECONDS}.",
                "schema": {"type": "integer"},
            }
        }
    return answer
