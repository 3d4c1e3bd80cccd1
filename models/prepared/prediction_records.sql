{#-
    One row per accepted prediction record of files that count, with its rank among the records of the
    same model, version, user, item and instant; the first is the one that counts.

    Of a user the list (or the ratings) of the newest load counts, whole: it replaces
    what earlier loads had of the same model, version and user, whichever items and
    instants they had. All files of a load count together. A correction that was replayed
    belongs to the load of the record that it corrects.

    Of several lists in one load the newest counts: a rank that is given again at a later
    instant begins the user's list anew, and what was predicted with a rank until then is
    replaced. Within a list the better place of an item counts: the lower rank, else the
    higher score.

    One model, although long: which records count hangs on lists that nothing else
    reads.
-#}

{%- set user_list = ['tenant_id', 'model', 'model_version', 'user_id'] %}
{%- set record_key = user_list + ['item_id', 'predicted_at'] %}

with

left_out_files as (

    select
        tenant_id,
        source,
        entity,
        file,
        load_id

    from {{ ref('file_states') }}

    where
        source = 'canonical'
        and entity = 'predictions'
        and state not in ('counts')

),

landed as {{ inlined() }} (

    select
        tenant_id,
        model,
        model_version,
        user_id,
        item_id,
        file,
        file_sha256,
        load_id,
        score,
        rank,
        row_number,
        is_accepted,
        predicted_at,
        loaded_at

    from {{ ref('val_canonical__predictions') }}

),

loaded_files as (
    select
        tenant_id,
        source,
        entity,
        file_sha256,
        read_options,
        load_id,
        row_limit
    from {{ ref('stg_winnow__loaded_files') }}
),

replayed_records as (
    select
        tenant_id,
        rejected_id,
        load_id,
        row_number
    from {{ ref('stg_winnow__replayed_records') }}
    where
        source = 'canonical'
        and entity = 'predictions'
),

rejected_records as (

    select
        landed.tenant_id,
        landed.load_id,
        landed.loaded_at,
        {{ rejected_id(
            'landed', 'loaded_files', "'canonical'", "'predictions'"
        ) }} as rejected_id

    from landed

    inner join loaded_files
        on landed.tenant_id = loaded_files.tenant_id
        and loaded_files.source = 'canonical'
        and loaded_files.entity = 'predictions'
        and landed.load_id = loaded_files.load_id
        and landed.file_sha256 = loaded_files.file_sha256

    where not landed.is_accepted

),

corrections as (

    select
        replayed_records.tenant_id,
        replayed_records.load_id,
        replayed_records.row_number,
        any_value(rejected_records.load_id) as list_load_id,
        any_value(rejected_records.loaded_at) as listed_at

    from replayed_records

    left join rejected_records
        on replayed_records.tenant_id = rejected_records.tenant_id
        and replayed_records.rejected_id = rejected_records.rejected_id

    group by all

),

accepted as {{ inlined() }} (

    select
        landed.tenant_id,
        landed.model,
        coalesce(landed.model_version, '') as model_version,
        landed.user_id,
        landed.item_id,
        'canonical' as source,
        'predictions' as entity,
        landed.file,
        landed.load_id,
        landed.score,
        landed.rank,
        landed.row_number,
        landed.predicted_at,
        landed.loaded_at,
        case
            when corrections.load_id is null then landed.load_id
            else corrections.list_load_id
        end as list_load_id,
        case
            when corrections.load_id is null then landed.loaded_at
            else corrections.listed_at
        end as listed_at,
        coalesce(landed.predicted_at, cast('-infinity' as timestamp)) as instant

    from landed

    left join corrections
        on landed.tenant_id = corrections.tenant_id
        and landed.load_id = corrections.load_id
        and landed.row_number = corrections.row_number

    anti join left_out_files
        on landed.tenant_id = left_out_files.tenant_id
        and landed.load_id = left_out_files.load_id
        and landed.file = left_out_files.file

    where landed.is_accepted

),

user_lists as (

    select
        {{ user_list | join(", ") }},
        max(struct_pack(listed_at := listed_at, load_id := list_load_id)) filter (
            where list_load_id is not null
        ) as newest_load,
        coalesce(
            min(instant) filter (where rank is not null)
            < max(instant) filter (where rank is not null),
            false
        ) as has_several_instants

    from accepted

    group by {{ user_list | join(", ") }}

),

-- A correction whose load is not known any more replaces nothing, and stays.

listed as {{ inlined() }} (

    select
        accepted.*,
        user_lists.has_several_instants,
        coalesce(
            struct_pack(
                listed_at := accepted.listed_at, load_id := accepted.list_load_id
            ) = user_lists.newest_load
            or accepted.list_load_id is null,
            false
        ) as is_of_newest_load

    from accepted

    inner join user_lists
        on accepted.tenant_id = user_lists.tenant_id
        and accepted.model = user_lists.model
        and accepted.model_version = user_lists.model_version
        and accepted.user_id = user_lists.user_id

),

-- Few users have several instants; the ranks of these alone are looked at.

given_ranks as (
    select
        {{ user_list | join(", ") }},
        instant,
        max(instant) over (partition by {{ user_list | join(", ") }}, rank)
            as newest_instant
    from listed
    where
        has_several_instants
        and is_of_newest_load
        and rank is not null
),

replaced_instants as (
    select
        {{ user_list | join(", ") }},
        max(instant) as replaced_until
    from given_ranks
    where instant < newest_instant
    group by {{ user_list | join(", ") }}
),

judged as (

    select
        listed.*,
        not listed.is_of_newest_load
        or coalesce(
            listed.rank is not null
            and listed.instant <= replaced_instants.replaced_until, false
        ) as is_replaced

    from listed

    left join replaced_instants
        on listed.tenant_id = replaced_instants.tenant_id
        and listed.model = replaced_instants.model
        and listed.model_version = replaced_instants.model_version
        and listed.user_id = replaced_instants.user_id

),

ranked as (

    select
        *,
        row_number() over records_of_key + cast(is_replaced as bigint)
            as duplicate_rank,
        coalesce(lag(load_id) over records_of_key = load_id, false) as is_repeat

    from judged

    window records_of_key as (
        partition by {{ record_key | join(", ") }}
        order by
            is_replaced asc,
            listed_at desc nulls first,
            list_load_id desc,
            rank asc nulls last,
            score desc nulls last,
            file desc,
            load_id desc,
            row_number desc
    )

),

prediction_records as (

    select
        tenant_id,
        model,
        model_version,
        user_id,
        item_id,
        source,
        entity,
        file,
        load_id,
        score,
        rank,
        row_number,
        duplicate_rank,
        is_repeat,
        is_replaced,
        predicted_at,
        loaded_at

    from ranked

)

select * from prediction_records
