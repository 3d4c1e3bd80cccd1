{#-
    Notes, before anything is made, that this run of dbt begins and
    which tables it makes anew. Committed at once: if the run is killed, it stays as
    `running`, and nobody takes its tables for what belongs together.
-#}
{% macro note_build_start() %}
    {%- if makes_tables() -%}
        {%- set is_whole = is_whole_build() -%}
        {%- set made = [] -%}
        {%- for id in selected_resources
            if id.split(".")[0] in ["model", "seed", "snapshot"] -%}
            {%- set node = graph.nodes[id] -%}
            {%- do made.append(
                "(" ~ quoted_text(build_layer(node)) ~ ", "
                ~ quoted_text(node.schema ~ "." ~ node.alias) ~ ", " ~ build_id() ~ ")"
            ) -%}
        {%- endfor -%}
        {%- set rows = "(values " ~ made | join(", ")
            ~ ") as made (layer, table_name, build_id)" -%}
        {%- set statements = [
            "create schema if not exists quality",
            "create table if not exists quality.builds (build_id varchar, "
            ~ "command varchar, verdict varchar, message varchar, "
            ~ "ledger_number bigint, is_whole boolean, started_at timestamp, "
            ~ "ended_at timestamp)",
            "create table if not exists quality.build_tables "
            ~ "(layer varchar, table_name varchar, build_id varchar)",
        ] -%}
        {%- if is_whole -%}
            {#- Tables that the project has no more are forgotten, and small runs before. -#}
            {%- do statements.append("delete from quality.build_tables") -%}
            {%- do statements.append("delete from quality.builds where not is_whole") -%}
        {%- elif made -%}
            {%- do statements.append(
                "delete from quality.build_tables using " ~ rows
                ~ " where build_tables.table_name = made.table_name"
            ) -%}
        {%- endif -%}
        {%- if made -%}
            {%- do statements.append(
                "insert into quality.build_tables select * from " ~ rows
            ) -%}
        {%- endif -%}
        {%- do statements.append(
            "insert into quality.builds values (" ~ build_id() ~ ", "
            ~ quoted_text(flags.WHICH) ~ ", 'running', null, " ~ (ledger_mark() if is_whole else "null") ~ ", "
            ~ is_whole | lower ~ ", " ~ utc_now() ~ ", null)"
        ) -%}
        {{- done_at_once(statements) -}}
    {%- endif -%}
{% endmacro %}
