{#-
    The id of a record that was rejected: a UUID5 of tenant, source, entity, the bytes of
    the file, the options that it was read with, and the row, so that it survives builds.
    `records` and `files` are the aliases of a relation of records and of
    stg_winnow__loaded_files; `source` and `entity` are SQL expressions.
-#}
{% macro rejected_id(records, files, source, entity) -%}
    {{ uuid5([
        "'rejected'",
        records ~ ".tenant_id",
        source,
        entity,
        records ~ ".file_sha256",
        files ~ ".read_options",
        files ~ ".row_limit",
        records ~ ".row_number",
    ]) }}
{%- endmacro %}
