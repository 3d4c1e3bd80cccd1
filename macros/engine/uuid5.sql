{#-
    The name-based UUID (version 5, RFC 9562 section 5.5) of a text under the
    project's namespace, as text: equal to Python's
    `uuid.uuid5(uuid.UUID(namespace), name)`. `parts` are SQL expressions; nulls
    count as empty text, and the parts are joined by the unit separator (character
    31).
-#}
{% macro uuid5(parts) %}
    {%- if parts is string or not parts -%}
        {{ exceptions.raise_compiler_error(
            "uuid5: parts must be a non-empty list of SQL expressions, not '" ~ parts ~ "'"
        ) }}
    {%- endif -%}
    {%- set texts = [] -%}
    {%- for part in parts -%}
        {%- do texts.append("coalesce(cast(" ~ part ~ " as varchar), '')") -%}
    {%- endfor -%}
    {{- return(adapter.dispatch("uuid5", "winnow")(
        texts | join(" || chr(31) || "), var("uuid_namespace") | replace("-", "")
    )) -}}
{% endmacro %}

{% macro default__uuid5(name, namespace_hex) -%}
    {{ uuid5_from_sha1("sha1(unhex('" ~ namespace_hex ~ "') || encode(" ~ name ~ "))") }}
{%- endmacro %}

{% macro spark__uuid5(name, namespace_hex) -%}
    {{ uuid5_from_sha1("sha1(concat(unhex('" ~ namespace_hex ~ "'), encode(" ~ name ~ ", 'utf-8')))") }}
{%- endmacro %}
