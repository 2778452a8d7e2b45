"""Renders the OpenAPI document as one plain page: no script, nothing from elsewhere."""

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from importlib import resources
from typing import Any, Final

from voip_sms.core.failures import CODES

Json = Mapping[str, Any]

POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page."""
_QUOTED: Final = re.compile(r"`([^`]*)`")
_REF: Final = "#/components/schemas/"


def stylesheet() -> str:
    """What the page links to as `/docs.css`."""
    return resources.files(__package__).joinpath("docs.css").read_text(encoding="utf-8")


def page(document: Json) -> str:
    """The page, complete."""
    return "\n".join(_page(document))


def _page(document: Json) -> Iterator[str]:
    info = document["info"]
    title = f"{escape(info['title'])} API {escape(info['version'])}"
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<title>{title}</title><link rel="stylesheet" href="/docs.css"></head><body>'
    yield f"<h1>{title}</h1><p>{_words(info['description'])}</p>"
    yield '<p><a href="/openapi.json">openapi.json</a></p><main>'
    yield from _contents(document)
    for path, method, operation in _operations(document):
        yield from _operation(path, method, operation)
    yield "<h2>Shapes</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield from _shape(name, schema)
    yield from _codes()
    yield "</main></body></html>"


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _contents(document: Json) -> Iterator[str]:
    yield "<nav><h2>Operations</h2><ul>"
    for path, method, operation in _operations(document):
        link = f'<a href="#{escape(operation["operationId"])}"><code>{method} {escape(path)}</code></a>'
        yield f"<li>{link}</li>"
    yield '<li><a href="#codes">Codes of problems</a></li></ul></nav>'


def _operation(path: str, method: str, operation: Json) -> Iterator[str]:
    yield f'<article id="{escape(operation["operationId"])}">'
    yield f'<h3><code><span class="method">{method}</span>{escape(path)}</code></h3>'
    yield f"<p><strong>{_words(operation['summary'])}.</strong> {_words(operation['description'])}</p>"
    parameters = operation.get("parameters", ())
    if parameters:
        yield from _table(
            ("Parameter", "In", "Type", "Meaning"),
            (
                (
                    _code(one["name"]),
                    escape(one["in"]),
                    _type(one["schema"]),
                    _words(one.get("description", "")),
                )
                for one in parameters
            ),
        )
    if "requestBody" in operation:
        yield f"<p>Body: {_content(operation['requestBody'])}</p>"
    yield from _table(
        ("Status", "Body", "When"),
        (
            (escape(status), _content(answer), _words(answer["description"]))
            for status, answer in operation["responses"].items()
        ),
    )
    yield "</article>"


def _shape(name: str, schema: Json) -> Iterator[str]:
    yield f'<article id="{escape(name)}"><h3>{escape(name)}</h3>'
    if schema.get("description"):
        yield f"<p>{_words(schema['description'])}</p>"
    required = set(schema.get("required", ()))
    yield from _table(
        ("Field", "Type", ""),
        (
            (
                _code(field),
                _type(one),
                " ".join(
                    filter(
                        None, ("required" if field in required else "", _words(one.get("description", "")))
                    )
                ),
            )
            for field, one in schema.get("properties", {}).items()
        ),
    )
    yield "</article>"


def _codes() -> Iterator[str]:
    yield '<h2 id="codes">Codes of problems</h2>'
    rows = ((_code(code.name), str(code.http), escape(code.title)) for code in CODES.values())
    yield from _table(("Code", "Status", "Meaning"), rows)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Cells are HTML already."""
    yield (
        "<table><thead><tr>" + "".join(f"<th>{escape(head)}</th>" for head in heads) + "</tr></thead><tbody>"
    )
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</tbody></table>"


def _content(holder: Json) -> str:
    return ", ".join(_type(one["schema"]) for one in holder.get("content", {}).values())


def _type(schema: Json) -> str:
    """A short name for a schema, with a link where it has a section."""
    if "$ref" in schema:
        name = escape(schema["$ref"].removeprefix(_REF))
        return f'<a href="#{name}">{name}</a>'
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            return " or ".join(_type(one) for one in schema[choice])
    if "enum" in schema:
        return " | ".join(_code(str(word)) for word in schema["enum"])
    if "const" in schema:
        return _code(str(schema["const"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("format") or schema.get("type") or "anything"))


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _words(text: str) -> str:
    """Plain text, with what stands in backticks as code."""
    return _QUOTED.sub(r"<code>\1</code>", escape(text))
