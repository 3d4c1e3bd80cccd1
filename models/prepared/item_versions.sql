{#-
    One row per tenant, item and version of its attributes, with the instants that may
    use it. Catalogues are usually loaded after the history that they describe, so that
    the earliest known version also stands for all instants before it; a later one
    stands only for instants after it began, and not for that instant itself. The bounds
    are never null, so that one join finds the version of an instant.

    A version that another replaced as of the same instant stands for none, unless it is
    the earliest.
-#}

with

item_history as (
    select
        tenant_id,
        item_id,
        {{ category_names('category_path') }} as categories,
        brand,
        load_id,
        price,
        valid_from,
        valid_to
    from {{ ref('item_history') }}
),

ordered as (

    select
        *,
        row_number() over (
            partition by tenant_id, item_id
            order by
                valid_from asc,
                valid_to asc nulls last,
                load_id asc
        ) as version,
        lead(valid_from) over (
            partition by tenant_id, item_id
            order by
                valid_from asc,
                valid_to asc nulls last,
                load_id asc
        ) as next_valid_from

    from item_history

),

item_versions as (

    select
        tenant_id,
        item_id,
        categories[1] as category,
        brand,
        version,
        row_number() over (
            order by tenant_id asc, item_id asc, version asc
        ) as version_number,
        case
            when categories[1] is not null
                then dense_rank() over (order by tenant_id asc, categories[1] asc)
        end as category_number,
        price,
        valid_from,
        case
            when version = 1 then timestamp '0001-01-01 00:00:00'
            else {{ first_instant_after('valid_from') }}
        end as used_from,
        coalesce(
            next_valid_from, timestamp '9999-12-31 23:59:59.999999'
        ) as used_until

    from ordered

)

select * from item_versions
