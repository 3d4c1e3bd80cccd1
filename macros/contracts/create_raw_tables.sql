{#-
    Creates the raw tables that are not there yet, empty, and adds
    columns that a contract has gained, so that a build works with any subset of the
    sources loaded, none included. Runs at the start of every dbt run.
-#}
{% macro create_raw_tables() %}
    {%- if execute -%}
        {%- set statements = [] -%}
        {%- if not adapter.check_schema_exists(target.database, "raw") -%}
            {%- do statements.append("create schema raw") -%}
        {%- endif -%}
        {%- for node in graph.sources.values() if node.package_name == project_name -%}
            {%- set is_log = node.source_name == "winnow" -%}
            {%- set columns = {} -%}
            {%- for column in node.columns.values() -%}
                {%- do columns.update({
                    column.name: column.data_type if is_log else "varchar"
                }) -%}
            {%- endfor -%}
            {%- do columns.update({} if is_log else provenance_columns()) -%}
            {%- set relation = adapter.get_relation(
                node.database, node.schema, node.identifier
            ) -%}
            {%- if relation is none -%}
                {%- set definitions = [] -%}
                {%- for name, data_type in columns.items() -%}
                    {%- do definitions.append(adapter.quote(name) ~ " " ~ data_type) -%}
                {%- endfor -%}
                {%- do statements.append(
                    "create table if not exists " ~ node.relation_name
                    ~ " (" ~ definitions | join(", ") ~ ")"
                ) -%}
            {%- else -%}
                {%- set present = adapter.get_columns_in_relation(relation)
                    | map(attribute="name") | list -%}
                {%- for name, data_type in columns.items() if name not in present -%}
                    {%- do statements.append(
                        "alter table " ~ node.relation_name ~ " add column "
                        ~ adapter.quote(name) ~ " " ~ data_type
                    ) -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
        {{- done_at_once(statements) -}}
    {%- endif -%}
{% endmacro %}
