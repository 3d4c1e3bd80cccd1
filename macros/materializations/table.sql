{#-
    Tables and views as DuckDB can make them: in place and in one transaction. Whoever
    fails or is killed leaves the old one. dbt's own way builds under another name,
    renames twice and drops, since not every database can do this; that is most of the
    time of a small model. Contracts are checked as dbt checks them.
-#}

{% materialization table, adapter='duckdb' %}

  {%- set target_relation = this.incorporate(type='table') -%}

  {{ make_in_place(target_relation, create_table_as(False, target_relation, compiled_code)) }}

  {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}


{% materialization view, adapter='duckdb' %}

  {%- set target_relation = this.incorporate(type='view') -%}

  {{ make_in_place(target_relation, get_create_view_as_sql(target_relation, sql)) }}

  {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}


{#- Drop what is there, make the relation by `create_sql`, and describe it. -#}
{% macro make_in_place(relation, create_sql) %}

  {%- set existing_relation = load_cached_relation(this) -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% call statement('main') -%}
    {% if existing_relation is not none -%}
    drop {{ existing_relation.type }} if exists {{ existing_relation }};
    {% endif -%}
    {{ create_sql }}
    {{ descriptions_sql(relation) }}
  {%- endcall %}

  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}

{% endmacro %}


{#- The statements that give the relation and its columns their descriptions. -#}
{% macro descriptions_sql(relation) %}
  {%- if config.persist_relation_docs() and model.description %}
    {{ duckdb__alter_relation_comment(relation, model.description) }}
  {%- endif %}
  {%- if config.persist_column_docs() %}
    {%- for column in model.columns.values() if column.description %}
    comment on column {{ relation }}.{{ adapter.quote(column.name) }}
    is {{ duckdb_escape_comment(column.description) }};
    {%- endfor %}
  {%- endif %}
{% endmacro %}
