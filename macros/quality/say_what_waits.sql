{#-
    Says in a line how many entries of the landing lake's ledger the raw tables do not
    follow yet. Makes no SQL.
-#}
{% macro say_what_waits() -%}
    {%- if makes_tables() -%}
        {%- set entries = env_var("WINNOW_LAKE", "lake") ~ "/_ledger/*.json" -%}
        {%- set waiting = run_query(
            "select count(*) from glob(" ~ quoted_text(entries) ~ ") "
            ~ "where try_cast(regexp_extract(file, '([0-9]{9})[.]json$', 1) as bigint)"
            ~ " > coalesce(" ~ ledger_mark() ~ ", 0)"
        ).columns[0][0] -%}
        {%- if waiting -%}
            {%- do log(
                waiting ~ (" entry" if waiting == 1 else " entries")
                ~ " of the landing lake's ledger not taken in yet: dbt builds what the"
                ~ " raw tables hold, `winnow build` takes in what waits first.",
                info=true
            ) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
