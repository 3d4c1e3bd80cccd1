{#-
    The list of contract rules that a staged row breaks, each as `<column>.<rule>`;
    an empty list for a row that keeps them all. The list is only built for rows
    that break one.
-#}
{% macro rejection_reasons(source_name, entity, relation="staged") %}
    {%- set violations = contract_violations(source_name, entity, relation) -%}
    {%- if not violations -%}
        cast([] as varchar [])
    {%- else -%}
        case
            when
                {% for violation in violations -%}
                    {{ "or " if not loop.first }}({{ violation.condition }})
                {% endfor -%}
            then list_filter(
                [
                    {% for violation in violations -%}
                        case when {{ violation.condition }} then '{{ violation.reason }}' end
                        {{- "," if not loop.last }}
                    {% endfor -%}
                ],
                lambda reason: reason is not null
            )
            else cast([] as varchar [])
        end
    {%- endif -%}
{% endmacro %}
