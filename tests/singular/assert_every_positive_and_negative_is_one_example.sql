{#-
    Conservation: the joins to the features neither lose nor multiply a positive or a
    negative.
-#}

with

negatives as (

    select tenant_id

    from {{ ref('negatives') }}

    union all

    select tenant_id

    from {{ ref('explicit_negatives') }}

),

sources as (

    select
        tenant_id,
        1 as label,
        count(*) as source_count

    from {{ ref('positives') }}

    group by tenant_id

    union all

    select
        tenant_id,
        0 as label,
        count(*) as source_count

    from negatives

    group by tenant_id

),

examples as (

    select
        tenant_id,
        label,
        count(*) as example_count

    from {{ ref('examples') }}

    group by
        tenant_id,
        label

)

select
    coalesce(sources.tenant_id, examples.tenant_id) as tenant_id,
    coalesce(sources.label, examples.label) as label,
    sources.source_count,
    examples.example_count

from sources

full outer join examples
    on sources.tenant_id = examples.tenant_id
    and sources.label = examples.label

where sources.source_count is distinct from examples.example_count
