{#-
    The CTE `standing` (and those that it needs): the records of the CTE `accepted` whose
    files count or, with `is_earlier`, are a catalogue's earlier state. Those of files that
    are held or replaced are left out.
-#}
{% macro standing_records() -%}
left_out_files as (
    select
        tenant_id,
        source,
        entity,
        file,
        load_id
    from {{ ref('file_states') }}
    where state not in ('counts', 'earlier')
),

earlier_files as (
    select
        tenant_id,
        source,
        entity,
        file,
        load_id
    from {{ ref('file_states') }}
    where state = 'earlier'
),

standing as (

    select
        accepted.*,
        earlier_files.load_id is not null as is_earlier

    from accepted

    left join earlier_files
        on accepted.tenant_id = earlier_files.tenant_id
        and accepted.source = earlier_files.source
        and accepted.entity = earlier_files.entity
        and accepted.load_id = earlier_files.load_id
        and accepted.file = earlier_files.file

    anti join left_out_files
        on accepted.tenant_id = left_out_files.tenant_id
        and accepted.source = left_out_files.source
        and accepted.entity = left_out_files.entity
        and accepted.load_id = left_out_files.load_id
        and accepted.file = left_out_files.file

)
{%- endmacro %}
