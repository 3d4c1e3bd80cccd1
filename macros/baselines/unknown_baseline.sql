{#-
    What is left of a list of baselines once the known names are taken out, or null: the
    first words that name none. `none` is known where it stands alone.
-#}
{% macro unknown_baseline(names) -%}
    {%- set names = checked_expression("unknown_baseline", "names", names) -%}
    case
        when trim({{ names }}) = 'none' then null
        else
            nullif(
                trim(
                    regexp_replace(
                        regexp_replace(
                            ' ' || regexp_replace({{ names }}, ' +', '  ', 'g') || ' ',
                            ' ({{ baseline_models().keys() | join("|") }}) ',
                            '',
                            'g'
                        ),
                        ' +',
                        ' ',
                        'g'
                    )
                ),
                ''
            )
    end
{%- endmacro %}
