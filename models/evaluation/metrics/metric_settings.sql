{#-
    One row per tenant: how its models are judged, from the seed tenant_settings.
    Settings that make no sense make the model fail with a sentence.
-#}

with

tenants as (
    select
        tenant_id,
        positive_rating_minimum
    from {{ ref('tenants') }}
),

tenant_settings as (
    select
        tenant_id,
        metric_ks,
        ndcg_gain,
        recommend_seen_items
    from {{ ref('tenant_settings') }}
),

settled_tenants as (

    select
        tenants.tenant_id,
        {{ tenant_value('settings', 'metric_ks') }} as metric_ks,
        {{ tenant_value('settings', 'ndcg_gain') }} as ndcg_gain,
        tenants.positive_rating_minimum,
        coalesce({{ tenant_value('settings', 'recommend_seen_items') }}, false)
            as recommend_seen_items

    from tenants

    left join tenant_settings as own_settings
        on tenants.tenant_id = own_settings.tenant_id

    left join tenant_settings as any_settings
        on any_settings.tenant_id = '*'

),

listed_settings as (

    select
        *,
        list_sort(
            list_distinct(
                list_transform(
                    regexp_extract_all(coalesce(metric_ks, ''), '[^ ]+'),
                    lambda part: try_cast(part as bigint)
                )
            )
        ) as ks,
        len(regexp_extract_all(coalesce(metric_ks, ''), '[^ ]+')) as part_count

    from settled_tenants

),

refusals as (

    select
        *,
        case
            when
                part_count = 0
                or len(ks) < part_count
                or not regexp_full_match(metric_ks, '[0-9 ]+')
                or list_min(ks) < 1
                or list_max(ks) > 1000
                then
                    'metric_ks must be different whole numbers of 1 to 1000 with '
                    || 'blanks between them, such as 5 10 20'
            when coalesce(ndcg_gain, '') not in ('binary', 'weight', 'rating')
                then 'ndcg_gain must be binary, weight or rating'
        end as problem

    from listed_settings

),

metric_settings as (

    select
        coalesce(
            {{ raised_sentence(
                "'Tenant ' || tenant_id || ' in seeds/tenant_settings.csv: ' "
                ~ "|| problem || '.'"
            ) }},
            tenant_id
        ) as tenant_id,
        ndcg_gain,
        ks,
        list_transform(
            range(1, list_max(ks) + 1),
            lambda place: list_min(list_filter(ks, lambda k: k >= place))
        ) as k_by_place,
        positive_rating_minimum,
        recommend_seen_items

    from refusals

)

select * from metric_settings
