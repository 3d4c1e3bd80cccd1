{#- Days without a row count, so that no plan of few rows has two on a day. -#}

select
    tenant_id,
    split_name,
    fold,
    min(rows) as fewest_rows,
    max(rows) as most_rows

from {{ ref('batch_progress') }}

group by
    tenant_id,
    split_name,
    fold

having max(rows) > min(rows) + 1
