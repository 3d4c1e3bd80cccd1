{#-
    How many records each tenant had rejected, by reason and file, the most first: where to
    look when a feed gets worse. Run with `dbt show -s rejected_records_by_reason`.
-#}

with

rejected_records as (

    select
        tenant_id,
        source,
        entity,
        file,
        unnest(reasons) as reason

    from {{ ref('rejected_records') }}

),

counted as (

    select
        tenant_id,
        source,
        entity,
        file,
        reason,
        count(*) as record_count

    from rejected_records

    group by all

)

select * from counted

order by
    record_count desc,
    tenant_id asc,
    reason asc,
    file asc
