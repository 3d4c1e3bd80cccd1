{#-
    Stops dbt with a sentence where a raw table has rows of a load that has no
    record: a process was killed while they came in, and the next command of Winnow
    removes them, or somebody wrote them by hand. A warehouse that follows no ledger has no records to compare with.
-#}
{% macro stop_at_unknown_loads() %}
    {%- if makes_tables() and follows_a_ledger() -%}
        {%- set tables = [] -%}
        {%- for node in graph.sources.values()
            if node.package_name == project_name and node.schema == "raw"
            and "load_id" in (node.columns.keys() | list)
            + (provenance_columns().keys() | list if node.source_name != "winnow" else [])
            and node.identifier not in ["winnow_loads", "winnow_loaded_files"] -%}
            {%- do tables.append(
                "select load_id, " ~ quoted_text(node.identifier)
                ~ " as table_name from raw." ~ adapter.quote(node.identifier)
                ~ " where load_id not in (select load_id from raw.winnow_loads)"
                ~ " or load_id is null"
            ) -%}
        {%- endfor -%}
        {%- call statement("unknown_loads") -%}
        select {{ raised_sentence(
            "case when count(*) > 0 then 'The raw tables have ' || count(*)
            || ' rows of a load that has no record (' || min(table_name) || ', load '
            || coalesce(min(load_id), 'without an id')
            || '). ' || case when (select bool_or(is_taking) from raw.winnow_mark)
            then 'It did not come in whole; winnow build removes them.'
            else 'No command of Winnow wrote them; delete them from the table.' end end"
        ) }}
        from ({{ tables | join(" union all ") }}) as unknown
        {%- endcall -%}
    {%- endif -%}
{% endmacro %}
