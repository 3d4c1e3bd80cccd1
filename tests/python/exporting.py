"""A small warehouse to export from, written without dbt: three tenants, one with times,
one without, and one whose every name is as awkward as can be.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

AWKWARD = "ünï/co .. 50%"
TENANTS = ("007", "shop", AWKWARD)
USERS, ITEMS, POSITIVES = 40, 30, 12
"""Users and items of a tenant, and positives of each user."""

_TABLES = """
create schema prepared;
create schema training;

create table given as
select
    tenant_id,
    user_number,
    place,
    case
        when tenant_id in ('007', 'shop') then printf('%03d', user_number)
        else '<NA>' || chr(9) || '"' || user_number || chr(10) || '%'
    end as user_id,
    (user_number * 7 + place * place) % {items} as item_number,
    case
        when tenant_id = '007' then printf('%04d', item_number)
        when tenant_id = 'shop' then 'item ' || item_number
        when item_number = 0 then 'NaN'
        else '日 ' || item_number || ','
    end as item_id
from unnest({tenants}) as tenants (tenant_id)
cross join range({users}) as users (user_number)
cross join range({positives}) as places (place);

create table prepared.tenants as
select tenant_id, case when tenant_id = '007' then 5 else 8 end::bigint
    as sequence_length
from unnest({tenants}) as tenants (tenant_id);

create table prepared.interactions as
select
    tenant_id,
    'interaction ' || user_number || ' ' || place as interaction_id,
    user_id,
    item_id,
    'rating' as event_type,
    'load 1' as load_id,
    case when place % 3 = 0 then cast(place as double) end as rating,
    cast(null as double) as price,
    cast(place + 1 as bigint) as interaction_order,
    place > 0 as is_positive,
    case when tenant_id != 'shop' then
        timestamp '2024-01-01 00:00:00.5' + to_days(cast(place as int))
    end as interacted_at
from given;

{codes}

create table training.split_assignments as
select
    interactions.* exclude (event_type, load_id, rating, price, is_positive),
    methods.split_name,
    case {positives} - interaction_order
        when 0 then if(methods.fold = 1, 'validation', 'test')
        when 1 then if(methods.fold = 1, 'test', 'validation')
        else 'train'
    end as split,
    methods.fold,
    methods.split_name = 'leave_last_out' as is_first_split
from prepared.interactions
cross join (values ('leave_last_out', 0), ('folds', 1), ('folds', 2))
    as methods (split_name, fold)
where is_positive;

create table prepared.splits as
select
    tenants.tenant_id,
    methods.split_name,
    methods.split_name = 'leave_last_out' as is_first_split,
    methods.main_fold
from prepared.tenants
cross join (values ('leave_last_out', 0), ('folds', 2)) as methods (
    split_name, main_fold
);

create table training.examples as
select
    assigned.tenant_id,
    assigned.interaction_id,
    assigned.user_id,
    assigned.item_id,
    assigned.split,
    draws.draw,
    cast(draws.draw = 0 as bigint) as label,
    case when draws.draw = 0 then 0.1::double + 0.2::double end as feature,
    case when draws.draw > 0 then 7::bigint end as whole_feature,
    ['a b', 'c'] as words,
    draws.draw = 0 as is_first,
    assigned.interacted_at
from training.split_assignments as assigned
cross join (values (0::bigint), (1::bigint)) as draws (draw)
where assigned.is_first_split;
comment on column training.examples.label is '1 for a positive, 0 for a negative.';

create table training.sequences as
with codes as (
    select
        assigned.*,
        items.item_index,
        users.user_index
    from training.split_assignments as assigned
    join prepared.items using (tenant_id, item_id)
    join prepared.users using (tenant_id, user_id)
)
select
    target.tenant_id,
    target.user_id,
    target.split_name,
    target.split,
    target.item_id as next_item_id,
    target.fold,
    target.user_index,
    coalesce(
        list(earlier.item_index order by earlier.interaction_order)
            filter (where earlier.item_index is not null),
        []
    )[-8:] as item_indexes,
    target.item_index as next_item_index,
    least(8, count(earlier.item_index)) as history_length,
    count(earlier.item_index) as full_history_length,
    target.interacted_at as next_interacted_at
from codes as target
left join codes as earlier
    on target.tenant_id = earlier.tenant_id and target.user_id = earlier.user_id
    and target.split_name = earlier.split_name and target.fold = earlier.fold
    and earlier.interaction_order < target.interaction_order
    and target.user_index % 2 = 0
where target.interaction_order in ({positives}, {positives} - 1, {positives} - 2)
group by all;

create schema features;
create table features.user_features as
select
    tenant_id, user_id, count(*) as interaction_count,
    list(item_id order by interaction_order desc)[:3] as recent_item_ids,
    cast(null as double) as average_rating
from prepared.interactions
group by all;
create table features.item_features as
select tenant_id, item_id, count(*) as interaction_count
from prepared.interactions
group by all;
create table features.user_recent_items as
select tenant_id, user_id, interaction_id, item_id, interaction_order as recency_rank
from prepared.interactions;
create table features.user_category_affinity as
select tenant_id, user_id, 'all' as category, count(*) as interaction_count
from prepared.interactions
group by all;
create view features.interaction_features as
select
    tenant_id, interaction_id, user_id, item_id,
    cast(interaction_order - 1 as bigint) as user_interaction_count
from prepared.interactions;

drop table given;
"""

_CODES = """
create table prepared.{entity}_codes as
select tenant_id, {entity}_id, row_number() over (
    partition by tenant_id
    order by case when tenant_id = 'shop' then 1 else -1 end * {entity}_number
) as {entity}_index
from (select distinct tenant_id, {entity}_id, {entity}_number from given);
comment on column prepared.{entity}_codes.{entity}_index is 'The {entity} as a number.';

create table prepared.{entity}s as
select
    *,
    {entity}_index::double as {number},
    'a' || chr(9) || '"title' || chr(10) || {entity}_index as {text},
    ['Science Fiction', 'x'] as categories,
    cast(null as varchar) as brand
from prepared.{entity}_codes;
"""


def write_warehouse(path: Path) -> None:
    """Create the warehouse at ``path``."""
    codes = _CODES.format(entity="user", number="age", text="country")
    codes += _CODES.format(entity="item", number="price", text="title")
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            _TABLES.format(
                tenants=list(TENANTS),
                users=USERS,
                items=ITEMS,
                positives=POSITIVES,
                codes=codes,
            )
        )
