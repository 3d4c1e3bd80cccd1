{#-
    The expression as it came, for macros that write their arguments into SQL: an empty
    or missing one would give SQL that is wrong or fails far from its cause.
-#}
{% macro checked_expression(macro_name, argument, expression) %}
    {%- if expression is not string or not expression | trim -%}
        {{ exceptions.raise_compiler_error(
            macro_name ~ ": " ~ argument ~ " must be a SQL expression, not '"
            ~ expression ~ "'"
        ) }}
    {%- endif -%}
    {{- return(expression | trim) -}}
{% endmacro %}
