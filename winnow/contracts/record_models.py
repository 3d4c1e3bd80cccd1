"""The contracts as Pydantic models and JSON schemas, for those who write records.

They describe and do not judge: a schema cannot tell what a text means, so that a record
may fit it and still be rejected (``winnow.contracts.judge``).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_core import PydanticUndefined

from winnow.contracts.entities import Column, Entity, contract
from winnow.contracts.tenants import (
    ANY_TENANT,
    accepted_values,
    of_tenant,
    tenant_settings,
)

_TIMES = ("date", "timestamp")


def record_model(
    source: str,
    entity: str,
    *,
    tenant: str = ANY_TENANT,
    seeds: Path | None = None,
    needs_times: bool = False,
) -> type[BaseModel]:
    """The model of one entity's records as they are sent, made from its contract.

    Its fields are the contract's columns; others are ignored. ``tenant`` decides on
    bounds and on the values that a seed in ``seeds`` accepts, ``needs_times`` is what
    ``validated.tenant_times`` says of it. A model is made once per process. Raises
    ContractError when there is no such entity.
    """
    return _model(contract(source, entity), tenant, seeds, needs_times)


@lru_cache(maxsize=1024)
def _model(
    entity: Entity, tenant: str, seeds: Path | None, needs_times: bool
) -> type[BaseModel]:
    settings = tenant_settings(seeds)
    fields: dict[str, Any] = {}
    for column in entity.columns:
        low = of_tenant(settings, column.minimum_from, tenant) or column.minimum
        high = of_tenant(settings, column.maximum_from, tenant) or column.maximum
        is_required = column.required or (
            needs_times and column.required_from is not None
        )
        is_time = column.data_type in _TIMES
        given = _given(column, *((None, None) if is_time else (low, high)))
        legal = accepted_values(column, tenant, seeds)
        extra: dict[str, Any] = {
            "formatMinimum": low if is_time else None,
            "formatMaximum": high if is_time else None,
            "x-accepted-values": None if legal is None else sorted(legal),
        }
        fields[column.name] = (
            given if is_required else given | None,
            Field(
                default=PydanticUndefined if is_required else None,
                description=column.description,
                json_schema_extra={k: v for k, v in extra.items() if v is not None},
            ),
        )
    words = f"{entity.source}_{entity.name}".split("_")
    model: type[BaseModel] = create_model(
        "".join(map(str.capitalize, words)),
        __config__=ConfigDict(frozen=True, protected_namespaces=()),
        __doc__=entity.description.strip(),
        **fields,
    )
    return model


def _given(column: Column, low: Any, high: Any) -> Any:
    """What may be given: the typed value within bounds, or text."""
    bounds = Field(ge=low, le=high)
    pattern = column.format and f"^(?:{column.format})$"
    text = Annotated[str, Field(max_length=column.max_length, pattern=pattern)]
    given: dict[str, Any] = {
        "varchar": text | float | bool,
        "bigint": Annotated[int, bounds] | str,
        "double": Annotated[float, bounds] | str,
        "boolean": bool | str,
        "date": str | float,
        "timestamp": str | float,
    }
    return given[column.data_type]
