{#-
    One row per accepted interaction record of any source, of files that count, under one
    set of names, with its key and its rank among the records of the same key. Rank 1 becomes
    prepared.interactions, the others prepared.duplicate_records.

    Records of one load that share a derived key, with other quantities or prices, are
    the lines of one basket: rank 1 has the sum of their quantities, and the price per
    piece that keeps what they came to. A line counts once, however often it stands
    there; with a price and no quantity it is one piece. Corrections belong to the load
    that they correct.

    One model, although long: it is one pass over all accepted rows.
-#}

with

left_out_files as (
    select
        tenant_id,
        source,
        entity,
        file,
        load_id
    from {{ ref('file_states') }}
    where state not in ('counts')
),

accepted as (
    select accepted_interactions.*
    from {{ ref('accepted_interactions') }} as accepted_interactions
    anti join left_out_files
        on accepted_interactions.tenant_id = left_out_files.tenant_id
        and accepted_interactions.source = left_out_files.source
        and accepted_interactions.entity = left_out_files.entity
        and accepted_interactions.load_id = left_out_files.load_id
        and accepted_interactions.file = left_out_files.file
),

tenant_settings as (
    select
        tenant_id,
        positive_rating_minimum,
        negative_rating_maximum
    from {{ ref('tenant_settings') }}
),

classified as (

    select
        accepted.*,
        case
            when accepted.event_type = 'rating' and accepted.rating is not null
                then accepted.rating
                    >= {{ tenant_value('settings', 'positive_rating_minimum') }}
            else accepted.is_positive_type
        end as is_positive,
        case
            when accepted.event_type = 'rating'
                and accepted.rating
                <= {{ tenant_value('settings', 'negative_rating_maximum') }}
                then 'low_rating'
            else accepted.type_negative_kind
        end as signalled_negative_kind

    from accepted

    left join tenant_settings as own_settings
        on accepted.tenant_id = own_settings.tenant_id

    left join tenant_settings as any_settings
        on any_settings.tenant_id = '*'

),

keyed as (

    select
        *,
        coalesce(
            given_interaction_id,
            {{ uuid5([
                "'interaction'",
                "tenant_id",
                "transaction_id",
                "user_id",
                "item_id",
                "event_type",
                "epoch_us(interacted_at)",
                "position",
            ]) }}
        ) as interaction_id

    from classified

),

ranked as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        source,
        entity,
        event_type,
        session_id,
        device,
        case when not is_positive then signalled_negative_kind end as negative_kind,
        file,
        load_id,
        rating,
        price,
        quantity,
        event_weight,
        position,
        row_number,
        {{ duplicate_rank(['tenant_id', 'interaction_id']) }} as duplicate_rank,
        {{ repeats_in_load(['tenant_id', 'interaction_id']) }} as is_repeat,
        is_positive,
        is_positive or is_seen_type as is_seen,
        given_interaction_id is null and count(*) over (
            {{ duplicate_window(['tenant_id', 'interaction_id']) }}
            rows between unbounded preceding and unbounded following
        ) > 1 as is_shared_key,
        interacted_at,
        loaded_at

    from keyed

),

corrections as (
    select
        tenant_id,
        load_id,
        any_value(corrects_load_id) as corrects_load_id
    from {{ ref('stg_winnow__loaded_files') }}
    where corrects_load_id is not null
    group by all
),

shared_keys as (

    select
        ranked.tenant_id,
        ranked.interaction_id,
        ranked.price,
        ranked.quantity,
        ranked.duplicate_rank,
        coalesce(corrections.corrects_load_id, ranked.load_id) as basket_load_id

    from ranked

    left join corrections
        on ranked.tenant_id = corrections.tenant_id
        and ranked.load_id = corrections.load_id

    where ranked.is_shared_key

),

basket_lines as (

    select
        *,
        case when price is not null then coalesce(quantity, 1) else quantity end
            as pieces,
        row_number() over (
            partition by tenant_id, interaction_id, basket_load_id, quantity, price
            order by duplicate_rank asc
        ) > 1 as is_repeat,
        basket_load_id = first_value(basket_load_id) over (
            partition by tenant_id, interaction_id
            order by duplicate_rank asc
        ) as is_of_kept_load

    from shared_keys

),

basket_sums as (

    select
        tenant_id,
        interaction_id,
        sum(pieces order by pieces, price) as quantity,
        sum(price * pieces order by pieces, price) as amount,
        max(price) as highest_price,
        count(price) = count(*) and min(price) = max(price) as has_one_price

    from basket_lines

    where
        is_of_kept_load
        and not is_repeat

    group by
        tenant_id,
        interaction_id

    having count(*) > 1

),

baskets as (
    select
        tenant_id,
        interaction_id,
        case
            when has_one_price then highest_price
            else coalesce(amount / nullif(quantity, 0), highest_price)
        end as price,
        quantity
    from basket_sums
),

basket_records as (

    select
        basket_lines.tenant_id,
        basket_lines.interaction_id,
        basket_lines.duplicate_rank,
        basket_lines.is_repeat,
        baskets.price,
        baskets.quantity,
        basket_lines.duplicate_rank = 1 and baskets.tenant_id is not null as is_basket,
        basket_lines.duplicate_rank > 1
        and baskets.tenant_id is not null
        and basket_lines.is_of_kept_load
        and not basket_lines.is_repeat as is_merged

    from basket_lines

    left join baskets
        on basket_lines.tenant_id = baskets.tenant_id
        and basket_lines.interaction_id = baskets.interaction_id

),

interaction_records as (

    select
        ranked.tenant_id,
        ranked.interaction_id,
        ranked.user_id,
        ranked.item_id,
        ranked.source,
        ranked.entity,
        ranked.event_type,
        ranked.session_id,
        ranked.device,
        ranked.negative_kind,
        ranked.file,
        ranked.load_id,
        ranked.rating,
        case
            when basket_records.is_basket then basket_records.price
            else ranked.price
        end as price,
        case
            when basket_records.is_basket then basket_records.quantity
            else ranked.quantity
        end as quantity,
        ranked.event_weight,
        ranked.position,
        ranked.row_number,
        ranked.duplicate_rank,
        coalesce(basket_records.is_repeat, ranked.is_repeat) as is_repeat,
        coalesce(basket_records.is_merged, false) as is_merged,
        ranked.is_positive,
        ranked.is_seen,
        ranked.interacted_at,
        ranked.loaded_at

    from ranked

    left join basket_records
        on ranked.tenant_id = basket_records.tenant_id
        and ranked.interaction_id = basket_records.interaction_id
        and ranked.duplicate_rank = basket_records.duplicate_rank

)

select * from interaction_records
