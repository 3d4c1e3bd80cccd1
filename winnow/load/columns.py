"""From the columns of a file to the columns of a contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from winnow.contracts.entities import Column, Entity
from winnow.core.errors import InputError
from winnow.readers import normalise_name, own_name

_TENANT = normalise_name("tenant_id")


class AmbiguousColumnsError(InputError):
    """Several ``columns`` of a file could fill the same column of the contract."""

    def __init__(self, message: str, columns: Sequence[str]) -> None:
        """Keep the columns beside the sentence that names them."""
        super().__init__(message)
        self.columns = tuple(columns)


class MissingColumnsError(InputError):
    """A file lacks columns that the contract requires."""


@dataclass(frozen=True)
class ColumnMatch:
    """Which column of a file fills which column of the contract.

    ``used`` is contract column → file column; ``extra`` are the file's other columns;
    ``tenant`` is the file's own tenant column, None when it has none.
    """

    used: Mapping[str, str]
    extra: tuple[str, ...]
    tenant: str | None


def known_names(
    entities: Sequence[Entity], mapping: Mapping[str, str]
) -> frozenset[str]:
    """Every name, normalised, that a header of these entities may have. A number in the
    mapping is a position and no name.
    """
    given = (name for name in mapping.values() if not name.isdecimal())
    names = {_TENANT, *map(normalise_name, given)}
    for entity in entities:
        for column in entity.columns:
            names.update(map(normalise_name, (column.name, *column.aliases)))
    return frozenset(names)


def match_columns(
    entity: Entity,
    columns: Sequence[str],
    mapping: Mapping[str, str],
    file: str,
    partial: bool = False,
    ignore: Sequence[str] = (),
) -> ColumnMatch:
    """Match a file's columns to the contract: by ``mapping``, by name, by alias.

    Names are compared normalised; a number in the mapping that is no name is a position
    from 1. Columns that ``ignore`` names, of the file or of the contract, are matched
    to nothing. Raises InputError, naming the file, when two columns
    of the file could fill the same one, or, unless the match may be ``partial``, when a
    required column is missing or a mapping names a column that is not there.
    """
    used = _mapped(entity, columns, mapping, file, partial)
    ignored = {normalise_name(name) for name in ignore}
    known = {*map(normalise_name, columns)}
    known |= {normalise_name(column.name) for column in entity.columns}
    unknown = [name for name in ignore if normalise_name(name) not in known]
    if unknown and not partial:
        raise InputError(
            f"--ignore {unknown[0]}: {file} has no column of that name; it has "
            f"{_listed(columns)}."
        )
    claimed = {*used.values()}
    claimed |= {column for column in columns if normalise_name(column) in ignored}
    by_name: dict[str, list[str]] = {}
    for column in columns:
        if column not in claimed:
            by_name.setdefault(normalise_name(column), []).append(column)
    own_tenant = by_name.pop(_TENANT, [])
    if len(own_tenant) > 1:
        raise _ambiguous(entity, "tenant_id", own_tenant, file)
    for names_of in (_own_name, _aliases):
        for wanted in entity.columns:
            if wanted.name in used or normalise_name(wanted.name) in ignored:
                continue
            found = [own for name in names_of(wanted) for own in by_name.get(name, ())]
            if len(found) > 1:
                raise _ambiguous(entity, wanted.name, found, file)
            if found:
                used[wanted.name] = found[0]
                del by_name[normalise_name(found[0])]
    missing = [c.name for c in entity.required_columns if c.name not in used]
    if missing and not partial:
        raise MissingColumnsError(
            f"{file}, line 1: {entity.source} {entity.name} needs the column"
            f"{'s' if len(missing) > 1 else ''} {', '.join(missing)}, and the file has "
            f"{_listed(columns)}; say which one it is with --map {missing[0]}=COLUMN"
            + (f" (--ignore leaves out {', '.join(ignore)})" if ignore else "")
            + "."
        )
    taken = {*used.values(), *own_tenant}
    extra = tuple(column for column in columns if column not in taken)
    return ColumnMatch(used, extra, own_tenant[0] if own_tenant else None)


def match_with_folders(
    entity: Entity,
    columns: Sequence[str],
    of_folders: Sequence[str],
    mapping: Mapping[str, str],
    file: str,
    partial: bool = False,
    ignore: Sequence[str] = (),
) -> ColumnMatch:
    """``match_columns``, with the columns that the names of a file's folders give.

    They fill what the file's own columns leave open. One that the file has itself is
    not taken from its folders.
    """
    own_names = set(map(normalise_name, columns))
    names = [name for name in of_folders if normalise_name(name) not in own_names]
    if not names:
        return match_columns(entity, columns, mapping, file, partial, ignore)
    mapped = {normalise_name(theirs) for theirs in mapping.values()}
    of_file = match_columns(entity, columns, mapping, file, True, ignore)
    filled = {*of_file.used, *mapping}
    if of_file.tenant:
        filled.add("tenant_id")
    fitting: list[str] = []
    for name in names:
        alone = match_columns(entity, [name], {}, file, True, ignore)
        fills = {*alone.used, *(("tenant_id",) if alone.tenant else ())}
        if normalise_name(name) in mapped or (fills and not fills & filled):
            fitting.append(name)
            filled |= fills
    match = match_columns(entity, [*columns, *fitting], mapping, file, partial, ignore)
    rest = tuple(name for name in names if name not in fitting)
    return replace(match, extra=(*match.extra, *rest))


def _own_name(column: Column) -> tuple[str, ...]:
    return (normalise_name(column.name),)


def _aliases(column: Column) -> tuple[str, ...]:
    names = dict.fromkeys(map(normalise_name, column.aliases))
    return tuple(name for name in names if name != normalise_name(column.name))


def _mapped(
    entity: Entity,
    columns: Sequence[str],
    mapping: Mapping[str, str],
    file: str,
    partial: bool,
) -> dict[str, str]:
    used: dict[str, str] = {}
    names = {column.name for column in entity.columns}
    for name, theirs in mapping.items():
        if name not in names:
            raise InputError(
                f"--map {name}={theirs}: {entity.source} {entity.name} has no column "
                f"{name}; it has {', '.join(column.name for column in entity.columns)}."
            )
        found = [column for column in columns if own_name(column) == theirs] or [
            column
            for column in columns
            if normalise_name(column) == normalise_name(theirs)
        ]
        if not found and theirs.isdecimal() and 1 <= int(theirs) <= len(columns):
            found = [columns[int(theirs) - 1]]
        if not found and partial:
            continue
        if not found:
            raise InputError(
                f"--map {name}={theirs}: {file}, line 1, has no column {theirs}; "
                f"it has {_listed(columns)}."
            )
        if len(found) > 1:
            raise _ambiguous(entity, name, found, file)
        used[name] = found[0]
    return used


def _ambiguous(entity: Entity, name: str, found: list[str], file: str) -> InputError:
    return AmbiguousColumnsError(
        f"{file}, line 1: the columns {' and '.join(found)} could both be {name} of "
        f"{entity.source} {entity.name}; say which one it is with --map {name}=COLUMN.",
        found,
    )


def _listed(columns: Sequence[str], most: int = 20) -> str:
    if not columns:
        return "none"
    shown = ", ".join(columns[:most])
    return shown if len(columns) <= most else f"{shown} and {len(columns) - most} more"


_WITH_COMMA = r"^\s*[+-]?\d+(\.\d{3})*,\d+\s*$"
_DECIMAL_COMMA = r"^\s*[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?\s*$"


def decimal_comma_note(
    entity: Entity, columns: Mapping[str, pa.ChunkedArray | pa.Array]
) -> str | None:
    """What to say of numbers that are written with a decimal comma; None where there
    are none.
    """
    for column in entity.columns:
        if column.data_type == "double":
            values = pc.drop_null(columns[column.name])
            found = values.filter(pc.match_substring_regex(values, _WITH_COMMA))
            if len(found):
                return (
                    f"{column.name} has numbers such as {found[0].as_py().strip()}: "
                    "--decimal-comma where the comma parts the fraction."
                )
    return None


def with_decimal_points(
    entity: Entity, columns: Mapping[str, pa.ChunkedArray | pa.Array]
) -> dict[str, pa.ChunkedArray | pa.Array]:
    """The columns with numbers such as 1.234,5 written 1234.5; other text as it is."""
    changed = dict(columns)
    for column in entity.columns:
        if column.data_type in ("bigint", "double"):
            values = columns[column.name]
            is_number = pc.match_substring_regex(values, _DECIMAL_COMMA)
            plain = pc.replace_substring(values, ".", "")
            plain = pc.replace_substring(plain, ",", ".")
            changed[column.name] = pc.if_else(is_number, plain, values)
    return changed


def member_names(columns: Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
    """The names that mean members of objects in these columns: ``user.id`` is the
    member ``id`` of the column ``user``, where no column is called so.
    """
    return tuple(
        name
        for name in dict.fromkeys(names)
        if "." in name and name not in columns and name.split(".")[0] in columns
    )


def with_members(records: pa.Table, names: Iterable[str]) -> pa.Table:
    """The records with the members that ``member_names`` finds, as columns. A value
    that is no object has no member.
    """
    for name in member_names(records.column_names, names):
        column, *keys = name.split(".")
        path = "$" + "".join(f'."{key}"' for key in keys)
        with duckdb.connect(":memory:", config={"threads": 1}) as connection:
            connection.register("records", pa.table({"value": records[column]}))
            members = connection.execute(
                "select case when json_valid(value) then "
                "json_extract_string(value, $1) end as member from records",
                [path],
            ).to_arrow_table()
        records = records.append_column(name, pc.cast(members["member"], pa.string()))
    return records


def as_json(records: pa.Table, columns: Sequence[str]) -> pa.Array:
    """Each record's ``columns`` as the text of a JSON object without its nulls; null
    when nothing is left."""
    if not columns or not records.num_rows:
        return pa.nulls(records.num_rows, pa.string())
    picked = records.select(list(columns))
    has_nulls = any(column.null_count for column in picked.columns)
    # Numbered, because SQL cannot tell apart names that differ in case only.
    numbered = picked.rename_columns([f"c{n}" for n in range(len(columns))])
    keys = ["'" + own_name(name).replace("'", "''") + "'" for name in columns]
    pairs = ", ".join(f"{key}, c{n}" for n, key in enumerate(keys))
    text = f"json_object({pairs})"
    if has_nulls:
        text = f"json_merge_patch('{{}}', {text})"
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.register("records", numbered)
        table = connection.sql(
            f"select nullif(cast({text} as varchar), '{{}}') as text from records"
        ).to_arrow_table()
    return pc.cast(table["text"], pa.string()).combine_chunks()


def of_other_tenants(records: pa.Table, match: ColumnMatch, tenant: str) -> pa.Array:
    """Which records say that they are another tenant's. Saying nothing is not that."""
    given = pc.utf8_trim_whitespace(pc.fill_null(records[match.tenant], ""))
    same = pc.is_in(given, value_set=pa.array([tenant, ""]))
    return pc.invert(same)


def contract_columns(
    entity: Entity, match: ColumnMatch, records: pa.Table
) -> dict[str, pa.ChunkedArray | pa.Array]:
    """The records' values under the contract's names, null where the file has none."""
    return {
        column.name: (
            records[match.used[column.name]]
            if match.used.get(column.name) in records.column_names
            else pa.nulls(records.num_rows, pa.string())
        )
        for column in entity.columns
    }
