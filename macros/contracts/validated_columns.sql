{#-
    The select list of a validated table: tenant, the typed columns of the contract,
    the verdict, the evidence of refused rows and the provenance. Expects
    `rejection_reasons` and `raw_values` beside the staged columns.
-#}
{% macro validated_columns(source_name, entity) %}
    {%- set node = entity_contract(source_name, entity) -%}
    {%- if node is none -%}
        *
    {%- else -%}
        tenant_id
        {%- for column in node.columns.values() %},
        {{ column_rules(column).canonical_name }}
        {%- endfor %},
        rejection_reasons,
        case when len(rejection_reasons) > 0 then cast(to_json(raw_values) as varchar) end
            as raw_record,
        file,
        file_sha256,
        load_id,
        row_number,
        line_number,
        len(rejection_reasons) = 0 as is_accepted,
        loaded_at
    {%- endif -%}
{% endmacro %}
