{#-
    The columns that every raw table of a source has beside its own, with their types.
    `winnow/contracts/entities.py` (PROVENANCE) writes them; a test holds the two together.
-#}
{% macro provenance_columns() %}
    {{ return({
        "tenant_id": "varchar",
        "file": "varchar",
        "row_number": "bigint",
        "line_number": "bigint",
        "file_sha256": "varchar",
        "date_order": "varchar",
        "extra": "varchar",
        "load_id": "varchar",
        "loaded_at": "timestamp",
    }) }}
{% endmacro %}
