{#-
    ref() and source() as dbt has them, but for the name of the database, which DuckDB takes
    from that of the file. DuckDB looks for what a view reads in the view's own file, so
    that views run in a copy of another name, or attached under another one.
-#}
{% macro ref() %}
    {{- return(builtins.ref(*varargs, **kwargs).include(database=false)) -}}
{% endmacro %}

{% macro source(source_name, table_name) %}
    {{- return(builtins.source(source_name, table_name).include(database=false)) -}}
{% endmacro %}
