{#-
    The text of a version 5 UUID from the hexadecimal SHA-1 of namespace and name:
    the version digit (13th) becomes 5, the two highest bits of the 17th digit
    become 10, and what is beyond 32 digits is cut off.
-#}
{% macro uuid5_from_sha1(digest) -%}
    concat(
        substr({{ digest }}, 1, 8), '-', substr({{ digest }}, 9, 4), '-5',
        substr({{ digest }}, 14, 3), '-',
        translate(substr({{ digest }}, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab'),
        substr({{ digest }}, 18, 3), '-', substr({{ digest }}, 21, 12)
    )
{%- endmacro %}
