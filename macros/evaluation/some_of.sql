{#- "none of its 299 users" or "3 of its 299 users", as text. -#}
{% macro some_of(count, of_count, noun) -%}
    case when {{ count }} = 0 then 'none' else cast({{ count }} as varchar) end
    || ' of its ' || cast({{ of_count }} as varchar) || ' {{ noun }}s'
{%- endmacro %}
